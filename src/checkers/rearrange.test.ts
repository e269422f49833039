import fc from "fast-check";
import { expect, test } from "vitest";
import type { CheckerOutcome, Property } from "../core/checker.ts";
import { exactHistogram } from "./oracles/exact-histogram.ts";
import { MemoryLedger } from "./ledger.ts";
import { rearranged } from "./rearrange.ts";

test("writes stand in the order that all members have shown, and in none when two of them disagree", () => {
  expect(rearranged(5, 8, [{ received: [7, 5], owed: [6] }])).toEqual([7, 5, 6]);
  expect(
    rearranged(5, 8, [
      { received: [7, 5], owed: [] },
      { received: [5], owed: [7] },
    ]),
  ).toBeUndefined();
});

const MEMBERS = 5;

interface Step {
  readonly kind: "write" | "come" | "go" | "read";
  readonly member: number;
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step["kind"]>("write", "write", "come", "go", "read", "read", "read"),
    member: fc.nat({ max: MEMBERS - 1 }),
  }),
  { maxLength: 60 },
);

/**
 * A server in good order, and a harness that reads each member's socket as late as it likes: what the server sends waits
 * there, the confirmation of a join among it. `swap`: of these two deliveries to one member the second overtakes.
 */
function play(history: readonly Step[], swap?: number): readonly CheckerOutcome[] {
  const ledger = new MemoryLedger({ orderModel: "total", echo: true, run: "r", slots: MEMBERS, histogram: exactHistogram, textOf: String });
  const sockets: ("joined" | { readonly author: number; readonly n: number })[][] = Array.from({ length: MEMBERS }, () => []);
  const onServer = new Set<number>();
  const isIn = new Set<number>();
  const written = Array.from({ length: MEMBERS }, () => 0);
  let nowMs = 0;
  let last: { readonly author: number; readonly n: number } | undefined;
  const received = new Set<string>();
  const read = (member: number): void => {
    const next = sockets[member]?.shift();
    if (next === undefined) return;
    if (next === "joined") {
      isIn.add(member);
      return ledger.joined(member, member + 1, "room", nowMs);
    }
    received.add(`${next.author}/${next.n}`);
    const bytes = Uint8Array.of(next.author, next.n);
    if (ledger.recognise(member, bytes, 0, 2, nowMs) !== undefined) return;
    const marker = { run: "r", author: next.author, n: next.n, intact: true };
    ledger.delivered(member, { kind: "delivered", marker, content: `${next.author}/${next.n}` }, undefined, bytes, nowMs);
  };
  const all = [...Array.from({ length: MEMBERS }, (_, member): Step => ({ kind: "come", member })), ...history];
  for (const { kind, member } of all) {
    nowMs += 1;
    if (kind === "read") read(member);
    else if (kind === "come" && !onServer.has(member)) {
      onServer.add(member);
      sockets[member]?.push("joined");
    } else if (kind === "go" && onServer.delete(member)) {
      // Cut: what waits in the socket is gone.
      if (isIn.delete(member)) ledger.left(member, nowMs);
      sockets[member] = [];
    } else if (kind === "write" && isIn.has(member)) {
      const n = (written[member] = (written[member] ?? 0) + 1);
      ledger.invoked(member, n, nowMs, nowMs);
      last = { author: member + 1, n };
      for (const listener of onServer) sockets[listener]?.push({ author: member + 1, n });
    }
  }
  const waiting = sockets[0] ?? [];
  if (swap !== undefined && waiting.length > swap + 1) waiting.splice(swap, 2, ...waiting.slice(swap, swap + 2).toReversed());
  for (let member = 0; member < MEMBERS; member += 1)
    while ((sockets[member]?.length ?? 0) > 0) {
      nowMs += 1;
      read(member);
    }
  // The state of the server, as each member is shown it at the end, when somebody has received its last write.
  if (last !== undefined && received.has(`${last.author}/${last.n}`))
    for (const member of isIn) ledger.finalState(member, { run: "r", ...last, intact: true });
  return ledger.finish(nowMs);
}

const broken = (outcomes: readonly CheckerOutcome[], property: Property): object =>
  outcomes.find((each) => each.property === property)?.broken ?? {};

test("however late a harness reads, a server in good order breaks nothing", () => {
  fc.assert(
    fc.property(steps, (history) => {
      const outcomes = play(history);
      for (const property of ["delivery", "order", "isolation", "convergence"] as const) expect(broken(outcomes, property)).toEqual({});
    }),
    { numRuns: 3000 },
  );
});

test("two writes that one member gets in another order than the others are disorder, once it has been in as long as they", () => {
  const write = (member: number): Step => ({ kind: "write", member });
  const settled = [0, 1, 2, 3, 4].map((member): Step => ({ kind: "read", member }));
  const history = [...settled, write(1), ...settled, write(2), write(3), write(4)];
  expect(broken(play(history), "order")).toEqual({});
  expect(broken(play(history, 1), "order")).toEqual({ disordered: 4 });
});
