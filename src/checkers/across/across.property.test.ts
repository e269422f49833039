import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CheckerOutcome } from "../../core/checker.ts";
import type { Elsewhere } from "../../core/witness.ts";
import type { OrderModel } from "../../core/binding.ts";
import { MemoryLedger } from "../ledger.ts";
import { exactHistogram } from "../oracles/exact-histogram.ts";
import { Accord, type AccordVerdict } from "./accord.ts";
import { LogWitness } from "./log-witness.ts";

/** A room's members wrote so many times; what the server did wrong to some of them. */
interface Plan {
  readonly members: number;
  readonly shards: number;
  readonly writes: readonly number[];
  readonly faults: readonly Fault[];
}

type Fault =
  | { readonly kind: "swap" | "drop"; /** which write */ readonly at: number; /** at which shard's members */ readonly shard: number }
  | { readonly kind: "alone"; readonly at: number; /** the one member that misses it */ readonly member: number };

interface Write {
  readonly author: number;
  readonly n: number;
  readonly ms: number;
}

const RUN = "run";
const JOINED_MS = 1;
const FIRST_MS = 10_000;

/** What a member receives, in order; undefined where it receives nothing while others do. */
function receivedBy(plan: Plan, log: readonly Write[], member: number): readonly (Write | undefined)[] {
  const received = [...log];
  const swaps = plan.faults.filter((fault) => fault.kind === "swap" && member % plan.shards === fault.shard);
  for (const { at } of swaps) {
    const [one, two] = [received[at], received[at + 1]];
    if (one !== undefined && two !== undefined) received.splice(at, 2, two, one);
  }
  const gone = new Set(
    plan.faults.flatMap((fault) =>
      (fault.kind === "drop" && member % plan.shards === fault.shard) || (fault.kind === "alone" && fault.member === member)
        ? [log[fault.at]]
        : [],
    ),
  );
  return received.map((write) => (gone.has(write) ? undefined : write));
}

function logOf({ writes, members }: Plan): readonly Write[] {
  const counters = new Map<number, number>();
  return writes.map((author, index) => {
    const member = author % members;
    const n = (counters.get(member) ?? 0) + 1;
    counters.set(member, n);
    return { author: member, n, ms: FIRST_MS + index * 10 };
  });
}

/** Plays the history to the ledger of those members that `isHere`, round by round; gives the outcomes at the end. */
function* rounds(
  plan: Plan,
  orderModel: OrderModel,
  isHere: (member: number) => boolean,
  across?: LogWitness,
): Generator<undefined, readonly CheckerOutcome[]> {
  const ledger = new MemoryLedger({
    orderModel,
    echo: true,
    run: RUN,
    slots: plan.members,
    histogram: exactHistogram,
    textOf: () => "",
    ...(across === undefined ? {} : { across }),
  });
  const here = Array.from({ length: plan.members }, (_, member) => member).filter(isHere);
  const log = logOf(plan);
  for (const member of here) ledger.joined(member, member, "room", JOINED_MS);
  for (const write of log) if (isHere(write.author)) ledger.invoked(write.author, write.n, write.ms, write.ms);
  const queues = here.map((member) => ({ member, left: [...receivedBy(plan, log, member)] }));
  // In rounds: every member has about as much at any time.
  for (let round = 0; queues.some(({ left }) => left.length > 0); round += 1) {
    for (const { member, left } of queues) {
      const write = left.shift();
      if (write === undefined) continue;
      const marker = { run: RUN, author: write.author, n: write.n, intact: true };
      const content = `${write.author}/${write.n}`;
      ledger.delivered(member, { kind: "delivered", marker, content }, undefined, undefined, FIRST_MS + round * 10 + 5);
    }
    yield;
  }
  return ledger.finish(FIRST_MS + log.length * 10 + 1000);
}

function play(...given: Parameters<typeof rounds>): readonly CheckerOutcome[] {
  const playing = rounds(...given);
  for (;;) {
    const step = playing.next();
    if (step.done === true) return step.value;
  }
}

function reasons(outcomes: readonly CheckerOutcome[]): readonly string[] {
  return [...new Set(outcomes.flatMap(({ property, broken }) => Object.keys(broken).map((reason) => `${property} ${reason}`)))].toSorted();
}

interface Part {
  readonly shard: number;
  readonly witness: LogWitness;
  readonly playing: Generator<undefined, readonly CheckerOutcome[]>;
  outcomes: readonly CheckerOutcome[] | undefined;
}

/**
 * Shards go on by rounds and tell at checkpoints as `steps` say, each at its own pace; `killed` is one that dies in the
 * middle. What the referee wishes is done at once, or with the next checkpoint.
 */
function together(
  plan: Plan,
  orderModel: OrderModel,
  steps: readonly number[],
  killed?: number,
): { readonly reasons: readonly string[]; readonly verdict: AccordVerdict } {
  const homeOf = (author: number): number => author % plan.shards;
  const accord = new Accord({ orderModel, homeOf, boundMs: () => 1 });
  const planned = Math.min(plan.shards, plan.members);
  const parts = Array.from({ length: plan.shards }, (_, shard): Part => {
    const elsewhere: Elsewhere = { isMember: (author) => homeOf(author) !== shard, shardsOf: () => planned };
    const witness = new LogWitness(orderModel, elsewhere);
    const playing = rounds(plan, orderModel, (member) => homeOf(member) === shard, witness);
    return { shard, witness, playing, outcomes: undefined };
  });
  const carryOut = ({ shard, witness }: Part): void => {
    const { agreed, show } = accord.wishOf(shard);
    witness.agreed(agreed);
    accord.windows(shard, witness.windows(show));
  };
  const goOn = (part: Part): void => {
    const step = part.outcomes === undefined ? part.playing.next() : undefined;
    if (step?.done === true) part.outcomes = step.value;
  };
  steps.forEach((step, place) => {
    const part = parts[step % parts.length];
    if (part === undefined || (place > steps.length / 2 && part.shard === killed)) return;
    for (let round = 0; round < 12; round += 1) goOn(part);
    accord.take(part.shard, part.witness.take());
    carryOut(part);
  });
  const left = parts.filter(({ shard }) => shard !== killed);
  if (killed !== undefined) accord.gone(killed);
  for (const part of left) {
    while (part.outcomes === undefined) goOn(part);
    accord.takeLast(part.shard, part.witness.takeLast());
  }
  accord.end();
  for (let round = 0; accord.isAsking && round < 9; round += 1) for (const part of left) carryOut(part);
  expect(accord.isAsking).toBe(false);
  const verdict = accord.finish();
  return { reasons: reasons([...left.flatMap(({ outcomes = [] }) => outcomes), ...verdict.outcomes]), verdict };
}

const plans: fc.Arbitrary<Plan> = fc
  .record({
    members: fc.integer({ min: 2, max: 9 }),
    shards: fc.integer({ min: 2, max: 4 }),
    writes: fc.array(fc.nat(8), { minLength: 4, maxLength: 200 }),
  })
  .chain(({ members, shards, writes }) => {
    const at = fc.nat(writes.length - 2);
    const fault: fc.Arbitrary<Fault> = fc.oneof(
      fc.record({ kind: fc.constantFrom("swap" as const, "drop" as const), at, shard: fc.nat(Math.min(shards, members) - 1) }),
      fc.record({ kind: fc.constant("alone" as const), at, member: fc.nat(members - 1) }),
    );
    return fc.record({
      members: fc.constant(members),
      shards: fc.constant(shards),
      writes: fc.constant(writes),
      faults: fc.array(fault, { maxLength: 1 }),
    });
  });

describe("several ledgers and a referee", () => {
  test.each(["total", "position", "perAuthor"] as const)("say of a divided room what one ledger says of the whole, %s", (orderModel) => {
    fc.assert(
      fc.property(plans, fc.array(fc.nat(8), { maxLength: 40 }), (plan, steps) => {
        const whole = reasons(play(plan, orderModel, () => true));
        expect(together(plan, orderModel, steps).reasons, JSON.stringify(plan)).toEqual(whole);
      }),
      { numRuns: 400 },
    );
  });

  test("find nothing where nothing is wrong, also when a shard dies", () => {
    fc.assert(
      fc.property(plans, fc.array(fc.nat(8), { maxLength: 40 }), fc.nat(3), (plan, steps, killed) => {
        const clean = { ...plan, faults: [] };
        const dead = killed % Math.min(plan.shards, plan.members);
        // What only the dead shard's members wrote is of no concern here: they play on, and nobody tells of them.
        expect(together(clean, "total", steps, dead).reasons, JSON.stringify(clean)).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test("need a look at windows only where something differs", () => {
    const writes = Array.from({ length: 400 }, (_, index) => index);
    const plan: Plan = { members: 6, shards: 3, writes, faults: [] };
    expect(together(plan, "total", [])).toMatchObject({ reasons: [], verdict: { looks: 0, lost: 0, compared: 400 } });
  });

  test("show the first difference, and count what a whole shard has missed", () => {
    const writes = Array.from({ length: 100 }, (_, index) => index);
    const swapped = together({ members: 6, shards: 3, writes, faults: [{ kind: "swap", at: 40, shard: 1 }] }, "total", []);
    const [finding] = swapped.verdict.outcomes.flatMap(({ findings }) => findings);
    expect(finding).toMatchObject({ property: "order", reason: "disordered", room: "room" });
    expect(finding?.seen).toContain("at the members of shard 2");
    expect(finding?.witness.filter(({ isBad }) => isBad)).toHaveLength(2);
    const dropped = together({ members: 6, shards: 3, writes, faults: [{ kind: "drop", at: 41, shard: 1 }] }, "total", []);
    expect(dropped.verdict).toMatchObject({ lost: 2 });
  });
});
