import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BenchPart, commandOf, machine, median, printPart, spread, today, writeResult } from "./result-file.ts";
import { flagsOf } from "../scripts/flags.ts";

/** The build is measured, as users run it. */
const dist = new URL("../dist/src/cli/", import.meta.url);
const { openGround, playOn } = (await import(new URL("load.js", dist).href)) as typeof import("../src/cli/load.ts");
const { capacity } = (await import(new URL("capacity.js", dist).href)) as typeof import("../src/cli/capacity.ts");

/**
 * `npm run bench -- latency-bias [--clients 100] [--room 10] [--rounds 3] [--seconds 6] [--saturation rate]`: what the
 * harness measures beside what a server with a known added delay did hold its messages for (0, 1, 5 and 50 ms, with a
 * known jitter), at a tenth, a quarter and half of the rate at which server and harness together give out on this
 * machine. The bar: p50 and p99 within 1 ms. Beside each run a bare `ws` script plays the same against the same server
 * and measures it, too: what it is off by, no harness has added.
 */
const { values } = flagsOf("npm run bench -- latency-bias [--clients 100] [--room 10] [--rounds 3] [--seconds 6] [--saturation rate]", {
  options: {
    clients: { type: "string", default: "100" },
    room: { type: "string", default: "10" },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "6" },
    saturation: { type: "string" },
  },
});
const clients = Number(values.clients);
const rooms = Math.ceil(clients / Number(values.room));
const rounds = Number(values.rounds);
const durationMs = Number(values.seconds) * 1000;
const BIAS_MS_MAX = 1;
const RAMP_MS = 1000;
const DELAYS = [
  { delayMs: 0, jitterMs: 0 },
  { delayMs: 1, jitterMs: 0.5 },
  { delayMs: 5, jitterMs: 2 },
  { delayMs: 50, jitterMs: 10 },
] as const;
const SHARES = [0.1, 0.25, 0.5] as const;

const folder = mkdtempSync(join(tmpdir(), "rollcall-bench-"));

function targetWith({ delayMs, jitterMs }: (typeof DELAYS)[number]): string {
  const path = join(folder, `delay-${delayMs}.json`);
  const env = { PORT: "{port}", DELAY_MS: String(delayMs), JITTER_MS: String(jitterMs) };
  const command = `exec ${process.execPath} ${join(import.meta.dirname, "delay-server.ts")}`;
  const target = { binding: "playback", start: { command, env }, credential: { recipe: "none" } };
  writeFileSync(path, JSON.stringify(target));
  return path;
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
}

/** The same load by `bench/bare-ws.mjs`, and what it measured. */
async function bare(url: string, rate: number): Promise<Figures> {
  const words = [join(import.meta.dirname, "bare-ws.mjs"), url, clients, rooms, rate, RAMP_MS, durationMs].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, words);
  const { p50Ms, p99Ms } = JSON.parse(stdout) as { readonly p50Ms: number; readonly p99Ms: number };
  return { p50: p50Ms, p99: p99Ms };
}

interface Row {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly share: number;
  readonly delivered: number;
  readonly isConclusive: boolean;
  /** Of the harness alone: planned time to send. */
  readonly sendLag: Figures;
  readonly measured: Figures;
  readonly truth: Figures;
  /** Of the bare script: measured less true. */
  readonly bareBias: Figures;
}

/** The rate at which all still holds, for the server that adds nothing. */
async function saturation(): Promise<number> {
  if (values.saturation !== undefined) return Number(values.saturation);
  const found = await capacity({
    scenario: "watch-party",
    target: targetWith(DELAYS[0]),
    parameters: { clients, rooms, rampMs: RAMP_MS },
    by: "rate",
    from: 8,
    holdMs: 4000,
    resolution: 0.2,
    seed: "bench",
    workers: 1,
  });
  const at = found.capacity?.answer?.at;
  process.stdout.write(`limit: ${JSON.stringify(found.capacity?.limit)}\n`);
  if (at === undefined) throw new Error(`not even the lowest rate holds here: ${JSON.stringify(found.capacity?.limit)}`);
  return at;
}

async function play(delay: (typeof DELAYS)[number], limit: number): Promise<readonly Row[]> {
  const base = { scenario: "watch-party", target: targetWith(delay), workers: 1 };
  const ground = await openGround(base);
  const url = ground.running.resolved.urls[0];
  const truth = async (): Promise<Figures & { readonly count: number }> =>
    (await (await fetch(`${url}/truth`)).json()) as Figures & { readonly count: number };
  try {
    const rows: Row[] = [];
    // The first run warms server and machine up, and is left out.
    for (const [index, share] of [SHARES[0], ...SHARES].entries()) {
      await truth();
      const parameters = { clients, rooms, ratePerSecond: limit * share, durationMs, rampMs: RAMP_MS };
      const { load, harness } = await playOn(ground, { ...base, parameters, seed: `bench-${index}` });
      const held = await truth();
      if (load === undefined || load.delivered !== held.count)
        throw new Error(`${load?.delivered} deliveries were measured, and ${held.count} were sent`);
      if (index === 0) continue;
      const isConclusive = harness.inconclusiveBecause.length === 0;
      const bares = await bare(url, limit * share);
      const heldBare = await truth();
      rows.push({
        ...delay,
        share,
        delivered: load.delivered,
        isConclusive,
        sendLag: load.sendLagMs,
        measured: load.deliveryMs,
        truth: held,
        bareBias: { p50: bares.p50 - heldBare.p50, p99: bares.p99 - heldBare.p99 },
      });
    }
    return rows;
  } finally {
    await ground.close();
  }
}

const all: Row[] = [];
let limit: number;
try {
  limit = await saturation();
  process.stdout.write(`saturation: ${limit} writes a second and client\n`);
  for (let round = 0; round < rounds; round += 1) for (const delay of DELAYS) all.push(...(await play(delay, limit)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const cases = DELAYS.flatMap((delay) => SHARES.map((share) => ({ ...delay, share })));
const of = (each: (typeof cases)[number]): readonly Row[] =>
  all.filter(({ delayMs, share }) => delayMs === each.delayMs && share === each.share);
const bias = (rows: readonly Row[], name: keyof Figures): readonly number[] =>
  rows.map(({ measured, truth }) => measured[name] - truth[name]);
const middle = (rows: readonly Row[], pick: (row: Row) => number): string => median(rows.map(pick)).toFixed(2);
const worst = (name: keyof Figures): number => Math.max(...cases.map((each) => Math.abs(median(bias(of(each), name)))));
/** Greater than that of the bare script by, in the middle of all rows, ms. */
const beyondBare = (name: keyof Figures): string =>
  median(all.map(({ measured, truth, bareBias }) => measured[name] - truth[name] - bareBias[name])).toFixed(2);
const part: BenchPart = {
  key: `${clients}-clients`,
  command: commandOf("latency-bias"),
  measuredOn: today(),
  machine: machine(),
  tables: [
    {
      caption: `Added delay as the server kept it, and delivery latency as measured, ms; saturation at ${limit} writes a second and client`,
      columns: [
        "added",
        "load",
        "deliveries",
        "p50 true",
        "p50 measured",
        "p50 bias",
        "bare ws's p50 bias",
        "p99 true",
        "p99 measured",
        "p99 bias",
        "bare ws's p99 bias",
        "send lag p99",
      ],
      rows: cases.map((each) => {
        const rows = of(each);
        return [
          `${each.delayMs} ± ${each.jitterMs}`,
          `${each.share * 100} %`,
          String(rows.reduce((sum, { delivered }) => sum + delivered, 0)),
          middle(rows, ({ truth }) => truth.p50),
          middle(rows, ({ measured }) => measured.p50),
          spread(bias(rows, "p50"), 2),
          middle(rows, ({ bareBias }) => bareBias.p50),
          middle(rows, ({ truth }) => truth.p99),
          middle(rows, ({ measured }) => measured.p99),
          spread(bias(rows, "p99"), 2),
          middle(rows, ({ bareBias }) => bareBias.p99),
          middle(rows, ({ sendLag }) => sendLag.p99),
        ];
      }),
    },
  ],
  bars: (["p50", "p99"] as const).map((name) => ({
    what: `greatest bias of ${name} up to half of saturation (median of ${rounds} rounds)`,
    wanted: `≤ ${BIAS_MS_MAX} ms`,
    got: `${worst(name).toFixed(2)} ms`,
    isMet: worst(name) <= BIAS_MS_MAX,
  })),
  notes: [
    "A bias holds the way there and back over loopback and the wait in the server's socket, which the server itself can not see.",
    `In the middle of all rows the harness is off by ${beyondBare("p50")} ms more than the bare script at p50, by ${beyondBare("p99")} ms more at p99.`,
    ...(all.every(({ isConclusive }) => isConclusive)
      ? []
      : [
          `${all.filter(({ isConclusive }) => !isConclusive).length} of ${all.length} runs said of themselves that the harness fell behind.`,
        ]),
  ],
};
printPart(part);
writeResult(
  {
    name: "latency-bias",
    title: "Latency bias",
    about:
      "A small server that speaks playback holds every write back for a known time and keeps how long it did, from the turn of its loop that read the write to the sending of each copy. Delivery latency as the harness measures it, from the planned time, is held against that; so is what the bare script `bench/bare-ws.mjs` measures of the same load on the same server, right after.",
  },
  [part],
);
