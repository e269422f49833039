import type { Binding } from "../../src/core/binding.ts";
import { type CaseClient, type CaseContext, Precondition } from "../../src/core/case.ts";
import type { Prng } from "../../src/core/prng.ts";
import type { Frame } from "../../src/core/session.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import { type AreaCase, breach, SHALL_MS, someWrite, staying, wasRefused } from "./support.ts";

const FRAMES = 5_000;
/** Frames between two turns of the bystanders. */
const BURST = 100;
/** What comes within this after its time was late; what does not was lost. */
const LATE_MS_MAX = 12_000;
/** Between two questions whether the server lives. */
const RETRY_MS = 250;
/** A server may close a socket for what it sent; then the flood goes on with a new one. */
const SOCKETS_MAX = 100;

/** 5000 fuzzed frames of one client while two others write: they lose nothing, and rooms can still be made. */
export const robustness: AreaCase = {
  area: "robustness",
  name: "general/fuzzed-frames",
  title: "What one client sends hurts nobody else",
  phase: "exclusive",
  limitMs: 90_000,
  run: async (t, id, binding) => {
    const room = await t.room();
    const bystanders = await t.openMany(2, { room, ...staying(binding) });
    const user = await t.user();
    const prng = t.prng.fork("fuzz");
    let sockets = 1;
    let fuzzer: CaseClient | undefined = await t.open({ room, user });
    let sent = 0;
    let turns = 0;
    let isServed = true;
    while (sent < FRAMES) {
      if (fuzzer === undefined || !fuzzer.isOpen) {
        if (sockets >= SOCKETS_MAX) break;
        sockets += 1;
        fuzzer = await reopened(t, room, user);
        if (fuzzer === undefined) break;
      }
      for (let n = 0; n < BURST && fuzzer.isOpen; n += 1, sent += 1) fuzzer.send(fuzzed(binding, t, fuzzer, prng));
      for (const client of bystanders) client.write(someWrite(binding, t.prng));
      turns += 1;
      // A server that is busy with the flood may take its time: the next burst waits for it, so that nothing piles up.
      isServed = await t.until(() => bystanders.every((client) => deliveredFrom(client, bystanders) >= turns || !client.isOpen), SHALL_MS);
      if (!isServed || !bystanders.every((client) => client.isOpen)) break;
    }
    t.report(id, `${sent} fuzzed frames over ${sockets} socket${sockets === 1 ? "" : "s"}`);
    if (!(await judgeService(t, id, isServed))) return;
    for (const client of bystanders) {
      t.check(
        id,
        client.isOpen,
        breach(t, client, "closed", "the bystanders stay connected", `closed ${client.closed?.code} ${client.closed?.reason ?? ""}`),
      );
    }
    if (!isServed) await judgeLoss(t, id, bystanders, turns);
    if (isServed && sent < FRAMES / 10) throw new Precondition(`only ${sent} frames could be sent`);
  },
};

/** A write of a bystander did not come in time: it comes late, or never. */
async function judgeLoss(t: CaseContext, id: RequirementId, bystanders: readonly CaseClient[], turns: number): Promise<void> {
  const open = bystanders.filter((client) => client.isOpen);
  const hasCome = await t.until(() => open.every((client) => deliveredFrom(client, bystanders) >= turns), LATE_MS_MAX);
  for (const client of open) {
    const missing = bystanders.flatMap((author) => lostOf(client, author, turns));
    const seen = hasCome ? "it came later" : `${missing.length} of ${turns} did not come, the first n=${missing[0] ?? 0}`;
    t.check(
      id,
      !hasCome && missing.length === 0,
      breach(t, client, hasCome ? "late" : "lost", `a bystander gets every write of the other within ${SHALL_MS} ms`, seen),
    );
  }
}

/** Rooms can still be made (or, where joining makes them, joined). Gives whether the server lives. */
async function judgeService(t: CaseContext, id: RequirementId, isServed: boolean): Promise<boolean> {
  const endMs = t.nowMs() + (isServed ? 0 : LATE_MS_MAX);
  for (;;) {
    try {
      const client = await t.open({ room: await t.room() });
      return t.check(id, client.isOpen, breach(t, client, "crashed", "a new room can be joined", "it cannot"));
    } catch (error) {
      if (!(error instanceof Precondition)) throw error;
      if (t.nowMs() < endMs) {
        await t.sleep(RETRY_MS);
        continue;
      }
      return t.check(id, false, { reason: "crashed", expected: "a new room can be made and joined after the flood", seen: error.message });
    }
  }
}

async function reopened(t: CaseContext, room: string, user: Awaited<ReturnType<CaseContext["user"]>>): Promise<CaseClient | undefined> {
  const client = await t.open({ room, user, mustJoin: false });
  await t.until(() => client.isOpen || wasRefused(client), SHALL_MS);
  return client.isOpen ? client : undefined;
}

function deliveredFrom(client: CaseClient, authors: readonly CaseClient[]): number {
  return Math.min(...authors.filter((author) => author !== client).map((author) => countOf(client, author)));
}

function countOf(client: CaseClient, author: CaseClient): number {
  let count = 0;
  for (const each of client.seen) if (each.kind === "delivered" && each.marker?.author === author.number) count += 1;
  return count;
}

/** Counters of the author's writes that the client never got; its own are judged by delivery. */
function lostOf(client: CaseClient, author: CaseClient, writes: number): readonly number[] {
  if (author === client) return [];
  const got = new Set(
    client.seen.flatMap((each) => (each.kind === "delivered" && each.marker?.author === author.number ? [each.marker.n] : [])),
  );
  return Array.from({ length: writes }, (_, index) => index + 1).filter((n) => !got.has(n));
}

const PIECES = [
  "null",
  "true",
  "-1",
  "1e400",
  "NaN",
  '""',
  "[]",
  "{}",
  "{",
  "}",
  '"type"',
  ":",
  ",",
  "\\u0000",
  "\ud800",
  "9007199254740993",
  "__proto__",
  "constructor",
] as const;

/** A valid frame bent out of shape, a frame that is hostile by name, or noise. */
function fuzzed(binding: Binding, t: CaseContext, client: CaseClient, prng: Prng): Frame {
  const kind = prng.below(4);
  if (kind === 0 && binding.hostile.length > 0) return prng.pick(binding.hostile).frame;
  if (kind === 1) return noise(prng);
  const op =
    prng.below(3) === 0
      ? ({ kind: "read", id: 0, plannedMs: 0 } as const)
      : ({ kind: "write", id: 0, plannedMs: 0, value: someWrite(binding, prng) } as const);
  const frame = binding.encode(op, t.run);
  return bent(frame, client.number, prng);
}

function bent(frame: Frame, salt: number, prng: Prng): Frame {
  if (typeof frame === "string") {
    const at = prng.below(frame.length + 1);
    const cut = prng.below(8);
    return frame.slice(0, at) + prng.pick(PIECES) + frame.slice(at + cut);
  }
  const bytes = frame.slice();
  for (let n = 0; n <= prng.below(4); n += 1) bytes[prng.below(Math.max(1, bytes.length))] = (prng.below(256) + salt) & 0xff;
  return bytes;
}

function noise(prng: Prng): Frame {
  const length = prng.below(200);
  if (prng.below(2) === 0) return Uint8Array.from({ length }, () => prng.below(256));
  return Array.from({ length }, () => String.fromCharCode(32 + prng.below(95))).join("");
}
