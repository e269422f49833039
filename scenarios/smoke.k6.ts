import { createPrng, hash32 } from "../src/core/prng.ts";
import type { Op } from "../src/core/op.ts";
import { MemoryServer } from "../src/bindings/playback/memory-server.ts";
import { operations } from "../src/bindings/playback/operations.ts";
import { createSession } from "../src/bindings/playback/session.ts";

// Proof that a session runs unbundled in stock k6 and does there, to the byte, what it does in Node:
// `k6 run scenarios/smoke.k6.ts` prints the digest that `test/k6-smoke.test.ts` holds against Node's.
// It imports nothing of k6, so that Node can load the same file.

const MEMBERS = 5;
const ROUNDS = 40;

/** Runs joins, marked updates, broadcasts, heartbeats, a cut and a return in memory; a digest of every effect of every session. */
export function smoke(seed: string): string {
  const prng = createPrng(seed);
  const server = new MemoryServer("smoke");
  const sessions = Array.from({ length: MEMBERS }, (_, index) =>
    createSession({
      room: "smoke",
      basePath: "",
      dialect: "published",
      prng: prng.fork(`session ${index}`),
      keepaliveMs: 2_000,
      reconnect: true,
      readOnJoin: true,
      run: "smoke",
    }),
  );
  const outs = sessions.map((session, index) => server.add(`did:example:ünit ${index}`, session));
  const names = Object.keys(operations.mix);
  for (let round = 1; round <= ROUNDS; round += 1) {
    const author = prng.below(MEMBERS);
    const out = outs[author];
    const value = operations.make(prng.pick(names), prng);
    const op: Op = { id: round, plannedMs: server.nowMs, kind: "write", value, marker: { run: "smoke", author, n: round, intact: true } };
    if (out !== undefined) sessions[author]?.invoke(op, server.nowMs, out);
    server.settle();
    if (round % 10 === 0) server.cut(`did:example:ünit ${author}`);
    server.pass(250);
  }
  const texts = outs.map((out) => JSON.stringify(out.effects));
  const counted = texts.reduce((sum, text) => sum + text.length, 0);
  return `${texts.map((text) => hash32(text).toString(16).padStart(8, "0")).join("")}-${outs.reduce((sum, out) => sum + out.effects.length, 0)}-${counted}`;
}

export const options: { readonly vus: number; readonly iterations: number } = { vus: 1, iterations: 1 };

/** What k6 calls. The seed is fixed, and one that the test gives by `-e SEED=…` wins. */
// oxlint-disable-next-line import/no-default-export -- k6 calls the default export.
export default function run(): void {
  const environment = (globalThis as { readonly __ENV?: Readonly<Record<string, string>> }).__ENV;
  console.log(`rollcall-smoke ${smoke(environment?.["SEED"] ?? "rollcall")}`);
}
