import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bindingFolder, bindingNames, loadBinding } from "../src/cli/registry.ts";
import { TRANSPORT_DEFAULT, TRANSPORTS } from "../src/engines/node/transports.ts";
import { startTarget } from "../src/targets/index.ts";

/** The build is measured, as users run it: sources stripped of types as they load keep the stripper's memory. */
const { load } = (await import(new URL("../dist/src/cli/load.js", import.meta.url).href)) as typeof import("../src/cli/load.ts");

/**
 * `npm run bench -- vs-ws [clients] [repeats] [transport]`: processor time and memory of a fully judged run beside a bare `ws`
 * script that judges nothing, in turns on one machine. The bar: at most 1.5 times of each.
 */
const clients = Number(process.argv[2] ?? 2000);
const repeats = Number(process.argv[3] ?? 3);
const transport = TRANSPORTS.find((name) => name === process.argv[4]) ?? TRANSPORT_DEFAULT;
const rooms = Math.ceil(clients / 10);
const rampMs = 8000;
const durationMs = 15_000;

interface Figures {
  readonly cpuMsPerThousand: number;
  readonly kibPerClient: number;
  readonly p99Ms: number;
}

async function ours(): Promise<Figures> {
  const result = await load({
    scenario: "watch-party",
    target: "playback",
    parameters: { clients, rooms, ratePerSecond: 1, rampMs, durationMs },
    seed: "bench",
    workers: 1,
    transport,
  });
  const run = result.load;
  if (run === undefined || run.reach !== 1)
    throw new Error(`the judged run found something: ${JSON.stringify(result.load?.objectives)} ${result.notes.join("; ")}`);
  return {
    cpuMsPerThousand: (result.harness.cpu * durationMs * 1000) / (run.delivered + run.sent),
    kibPerClient: result.harness.residentBytes / 1024 / clients,
    p99Ms: run.deliveryMs.p99,
  };
}

async function bare(): Promise<Figures> {
  const running = await startTarget({
    target: "playback",
    registry: { bindingFolder, bindingNames, loadBinding },
    purpose: "load",
    recipe: "none",
  });
  try {
    const script = fileURLToPath(new URL("bare-ws.mjs", import.meta.url));
    const words = [script, running.resolved.urls[0], clients, rooms, 1, rampMs, durationMs].map(String);
    const { stdout } = await promisify(execFile)(process.execPath, words);
    const said = JSON.parse(stdout) as { messages: number; cpuMs: number; residentBytes: number; p99Ms: number };
    return { cpuMsPerThousand: (said.cpuMs * 1000) / said.messages, kibPerClient: said.residentBytes / 1024 / clients, p99Ms: said.p99Ms };
  } finally {
    await running.stop();
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const rounds: { ours: Figures; bare: Figures }[] = [];
for (let round = 0; round < repeats; round += 1) rounds.push({ ours: await ours(), bare: await bare() });

const show = (name: string, of: (figures: Figures) => number): string => {
  const [mine, theirs] = [rounds.map((round) => of(round.ours)), rounds.map((round) => of(round.bare))];
  const ratios = rounds.map((round) => of(round.ours) / of(round.bare));
  const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  return `${name.padEnd(28)} ${median(mine).toFixed(2).padStart(9)} ${median(theirs).toFixed(2).padStart(9)} ${median(ratios).toFixed(2).padStart(7)}  (${spread})`;
};
process.stdout.write(
  `${clients} clients, ${rooms} rooms, 1 message a second and client, ${repeats} rounds, transport ${transport}; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? ""}\n`,
);
process.stdout.write(`${"".padEnd(28)} ${"rollcall".padStart(9)} ${"bare ws".padStart(9)} ${"ratio".padStart(7)}\n`);
process.stdout.write(`${show("CPU ms per 1,000 messages", (figures) => figures.cpuMsPerThousand)}\n`);
process.stdout.write(`${show("resident KiB per client", (figures) => figures.kibPerClient)}\n`);
process.stdout.write(`${show("delivery p99 ms", (figures) => figures.p99Ms)}\n`);
process.stdout.write(`${JSON.stringify({ clients, rooms, rounds })}\n`);
