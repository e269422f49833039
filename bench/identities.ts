import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createTokenMint } from "../fixtures/credentials/service-jwt.ts";
import { startDirectory } from "../fixtures/directory/index.ts";
import { openPool } from "../fixtures/identities/index.ts";
import { type BenchPart, commandOf, machine, printPart, today, writeResult } from "./result-file.ts";

/**
 * `npm run bench -- identities [count]`: how fast identities are minted, read back, registered and made to sign. The
 * bars: 500 a second minted on all cores, 1,000 tokens a second signed in one process.
 */
const count = Number(process.argv[2] ?? 10_000);
const firstLookups = Math.min(count, 300);
const tokens = Math.min(4 * count, 20_000);
const lookups = Math.min(count, 5_000);
const AT_ONCE = 16;

interface Line {
  readonly what: string;
  readonly count: number;
  readonly ms: number;
}

const lines: Line[] = [];
async function time(what: string, amount: number, act: () => Promise<unknown>): Promise<void> {
  const beganMs = performance.now();
  await act();
  const ms = performance.now() - beganMs;
  lines.push({ what, count: amount, ms });
  const rate = ((amount * 1_000) / ms).toFixed(0);
  process.stdout.write(
    `${what.padEnd(52)} ${String(amount).padStart(7)} in ${(ms / 1_000).toFixed(2).padStart(7)} s ${rate.padStart(8)} a second\n`,
  );
}

/** Runs `act` for each index, several at once. */
async function each(amount: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < amount) await act(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

const dir = await mkdtemp(join(tmpdir(), "rollcall-bench-"));
process.stdout.write(`${count} identities; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? ""}\n`);
try {
  const seed = "bench";
  const pool = await openPool({ dir, seed });
  await time("minted on all cores and kept on disk", count, () => pool.prepare(count));
  let kept = await openPool({ dir: join(dir, "none"), seed });
  await time("read back from disk by another process's pool", count, async () => (kept = await openPool({ dir, seed })));

  const mint = createTokenMint();
  const claims = { audience: "did:web:rooms.example", method: "a.b.c", issuedAtS: Math.floor(Date.now() / 1_000) };
  await time("signing keys loaded", count, () => each(count, async (index) => mint.load(await kept.identity(index))));
  await time("tokens signed in one process, half of each curve", tokens, () =>
    each(tokens, async (index) => mint.mint(await kept.identity(index % count), claims)),
  );

  const look = async (url: string, index: number): Promise<void> => {
    const answer = await fetch(`${url}/${(await kept.identity(index)).did}`);
    if (!answer.ok) throw new Error(`identity ${index}: the directory answers ${answer.status}`);
    await answer.text();
  };
  const directory = await startDirectory({ pool: kept });
  try {
    await time("registered at first look-up, by the PLC server", firstLookups, () =>
      each(firstLookups, (index) => look(directory.url, index)),
    );
    await time("loaded in bulk into the PLC server", count, () => directory.prepare(count));
    await time("looked up", lookups, () => each(lookups, (index) => look(directory.url, count - 1 - index)));
  } finally {
    await directory.close();
  }
} finally {
  await rm(dir, { recursive: true, force: true });
}
const rateOf = (what: string): number =>
  lines.filter((line) => line.what.startsWith(what)).map(({ count: n, ms }) => (n * 1_000) / ms)[0] ?? 0;
const bar = (what: string, wanted: number, got: number): BenchPart["bars"][number] => ({
  what,
  wanted: `${wanted} a second`,
  got: `${got.toFixed(0)} a second`,
  isMet: got >= wanted,
});
const part: BenchPart = {
  key: `${count}-identities`,
  command: commandOf("identities"),
  measuredOn: today(),
  machine: machine(),
  tables: [
    {
      caption: `${count} identities, half of them k256 and half p256`,
      columns: ["what", "count", "seconds", "a second"],
      rows: lines.map(({ what, count: n, ms }) => [what, String(n), (ms / 1_000).toFixed(2), ((n * 1_000) / ms).toFixed(0)]),
    },
  ],
  bars: [
    bar("identities minted with all cores", 500, rateOf("minted")),
    bar("service tokens signed by one process", 1_000, rateOf("tokens")),
  ],
  notes: ["An identity is a DID with a signed genesis operation; it is registered at the PLC server (`@did-plc/server`, in memory)."],
};
printPart(part);
const about =
  "Identities are minted into a pool on disk, read back, registered at the directory by first look-ups and in bulk, and sign service tokens.";
if (count >= 10_000) writeResult({ name: "identities", title: "Identities: minted, registered, signing", about }, [part]);
process.exitCode = part.bars.every(({ isMet }) => isMet) ? 0 : 1;
