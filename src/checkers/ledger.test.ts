import { expect, test } from "vitest";
import type { Histogram } from "../core/histogram.ts";
import type { CheckerOutcome, Property } from "../core/checker.ts";
import type { OrderModel } from "../core/binding.ts";
import { MemoryLedger } from "./ledger.ts";

const histogram = (): Histogram => {
  const values: number[] = [];
  return {
    record: (valueMs) => void values.push(valueMs),
    get count() {
      return values.length;
    },
    percentileMs: (p) => values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil((p / 100) * values.length) - 1)] ?? 0,
    get maxMs() {
      return Math.max(0, ...values);
    },
    encode: () => "",
    merge: () => undefined,
  };
};

/** A room of three members, numbers 10, 11, 12 at slots 0, 1, 2. `get(slot, author, n)` plays a broadcast. */
function setup(orderModel: OrderModel = "total", echo = true) {
  const ledger = new MemoryLedger({ orderModel, echo, run: "r", slots: 8, histogram, textOf: (bytes) => [...bytes].join(" ") });
  for (const slot of [0, 1, 2]) ledger.joined(slot, 10 + slot, "room", 1);
  let nowMs = 10;
  const frame = (author: number, n: number): Uint8Array => Uint8Array.of(9, author, n >> 16, (n >> 8) & 255, n & 255);
  const get = (slot: number, author: number, n: number, more: { content?: string; intact?: boolean; run?: string } = {}): boolean => {
    nowMs += 1;
    const bytes = frame(author, n);
    if (more.content === undefined && ledger.recognise(slot, bytes, 0, bytes.length, nowMs) !== undefined) return true;
    const marker = { run: more.run ?? "r", author, n, intact: more.intact ?? true };
    ledger.delivered(slot, { kind: "delivered", marker, content: more.content ?? `${author}/${n}` }, undefined, bytes, nowMs);
    return false;
  };
  const write = (slot: number, n: number): void => ledger.invoked(slot, n, nowMs, (nowMs += 1));
  const outcome = (property: Property): CheckerOutcome["broken"] =>
    ledger.finish(nowMs).find((each) => each.property === property)?.broken ?? {};
  const all = (): Record<string, unknown> => Object.fromEntries(ledger.finish(nowMs).map((each) => [each.property, each.broken]));
  return { ledger, get, write, outcome, all };
}

test("the second and third receiver are recognised by bytes, and nothing is broken", () => {
  const { get, write, all, ledger } = setup();
  write(0, 1);
  write(1, 1);
  for (const slot of [0, 1, 2]) get(slot, 10, 1);
  expect([0, 1, 2].map((slot) => get(slot, 11, 1))).toEqual([false, true, true]);
  expect(ledger.isQuiet()).toBe(true);
  expect(ledger.figures.delivered).toBe(6);
  expect(ledger.figures.convergenceMs.count).toBe(2);
  expect(all()).toEqual({ delivery: {}, order: {}, isolation: {}, refusals: {}, guarantees: {}, convergence: {} });
});

test("every receiver is told what the first one decoded, the last among them", () => {
  const { ledger, write } = setup();
  for (const n of [1, 2]) {
    write(0, n);
    const bytes = Uint8Array.of(1, n);
    ledger.delivered(0, { kind: "delivered", marker: { run: "r", author: 10, n, intact: true }, content: "c" }, `decoded ${n}`, bytes, 50);
    // A member's first write is taken in by its session, which decodes; from then on it is recognised.
    for (const slot of [1, 2]) {
      const entry = ledger.recognise(slot, bytes, 0, bytes.length, 60);
      if (entry === undefined)
        ledger.delivered(slot, { kind: "delivered", marker: { run: "r", author: 10, n, intact: true }, content: "c" }, "own", bytes, 60);
      else expect(entry.decoded).toBe(`decoded ${n}`);
    }
  }
  expect(ledger.figures.recognised).toBe(2);
});

test("of a frame with several writes, too", () => {
  const { ledger, write } = setup();
  for (const frame of [1, 2]) {
    const bytes = Uint8Array.of(2, frame);
    const numbers = [2 * frame - 1, 2 * frame];
    for (const n of numbers) write(0, n);
    const take = (slot: number, decoded: string): void => {
      for (const n of numbers)
        ledger.delivered(slot, { kind: "delivered", marker: { run: "r", author: 10, n, intact: true }, content: "c" }, decoded, bytes, 50);
    };
    take(0, `frame ${frame}`);
    for (const slot of [1, 2]) {
      const entry = ledger.recognise(slot, bytes, 0, bytes.length, 60);
      if (entry === undefined) take(slot, "own");
      else expect(entry.decoded).toBe(`frame ${frame}`);
    }
  }
  expect(ledger.figures.recognised).toBe(2);
});

test("a write that one member misses is lost there, also when it is the last", () => {
  const { get, write, outcome, ledger } = setup();
  for (const n of [1, 2, 3]) write(0, n);
  for (const n of [1, 2, 3]) get(0, 10, n);
  for (const n of [1, 3]) get(1, 10, n);
  for (const n of [1, 2]) get(2, 10, n);
  expect(ledger.isQuiet()).toBe(false);
  expect(outcome("delivery")).toEqual({ lost: 2 });
});

test("a write that nobody receives is lost for every member", () => {
  const { write, outcome } = setup();
  write(0, 1);
  expect(outcome("delivery")).toEqual({ lost: 3 });
});

test("a write whose author went before anybody had it may be lost", () => {
  const { write, ledger, all } = setup();
  write(0, 1);
  ledger.left(0, 20);
  expect(all()["delivery"]).toEqual({});
});

test("a delivery that comes twice is doubled", () => {
  const { get, write, outcome } = setup();
  write(0, 1);
  for (const slot of [0, 1, 2, 1]) get(slot, 10, 1);
  expect(outcome("delivery")).toEqual({ doubled: 1 });
});

test("two writes of two authors in another order at one member are disorder under one order, and none under authors' own", () => {
  for (const [model, expected] of [
    ["total", { disordered: 1 }],
    ["perAuthor", {}],
  ] as const) {
    const { get, write, all } = setup(model);
    write(0, 1);
    get(0, 10, 1);
    get(1, 10, 1);
    get(2, 10, 1);
    write(0, 2);
    write(1, 1);
    for (const slot of [0, 1]) {
      get(slot, 10, 2);
      get(slot, 11, 1);
    }
    get(2, 11, 1);
    get(2, 10, 2);
    expect(all()).toMatchObject({ order: expected, delivery: {} });
  }
});

test("one author's writes in another order are disorder under every model", () => {
  const { get, write, outcome } = setup("perAuthor");
  write(0, 1);
  write(0, 2);
  get(0, 10, 1);
  get(0, 10, 2);
  get(1, 10, 1);
  get(1, 10, 2);
  get(2, 10, 2);
  get(2, 10, 1);
  expect(outcome("order")).toEqual({ disordered: 1 });
});

test("nobody waits for what was in flight when a member came, and may have reached it as state", () => {
  const { ledger, get, write } = setup("perAuthor");
  write(0, 1);
  ledger.joined(3, 13, "room", 1_000);
  for (const slot of [0, 1]) get(slot, 10, 1);
  expect(ledger.isQuiet()).toBe(false);
  get(2, 10, 1);
  expect(ledger.isQuiet()).toBe(true);
});

test("who has just come may hear a write behind those that were passed on after it, under authors' own order", () => {
  const { ledger, get, write, all } = setup("perAuthor");
  write(0, 1);
  write(1, 1);
  ledger.joined(3, 13, "room", 1_000);
  // Slot 0 has entered in between and is the first to hear 10/1; 11/1 went out before it.
  get(0, 10, 1);
  get(3, 11, 1);
  get(3, 10, 1);
  for (const slot of [1, 2]) for (const author of [11, 10]) get(slot, author, 1);
  get(0, 11, 1);
  expect(all()).toMatchObject({ order: {}, delivery: {} });
  get(3, 10, 1);
  expect(all()).toMatchObject({ delivery: { doubled: 1 } });
});

test("what others have heard before a member came may still be under way to it, under authors' own order", () => {
  const { ledger, get, write, all } = setup("perAuthor");
  write(0, 1);
  write(1, 1);
  get(0, 10, 1);
  ledger.joined(3, 13, "room", 1_000);
  for (const slot of [3, 0, 1, 2]) get(slot, 11, 1);
  for (const slot of [3, 1, 2]) get(slot, 10, 1);
  expect(all()).toMatchObject({ order: {}, delivery: {} });
});

test("one author's order is that of its counter, whoever received what first", () => {
  // The first receiver has the writes the wrong way round, the others are right.
  const wrong = setup("perAuthor");
  wrong.write(0, 1);
  wrong.write(0, 2);
  wrong.get(0, 10, 2);
  for (const slot of [1, 2]) for (const n of [1, 2]) wrong.get(slot, 10, n);
  wrong.get(0, 10, 1);
  expect(wrong.all()).toMatchObject({ order: { disordered: 1 }, delivery: {} });
  // And where it is the first to get both.
  const both = setup("perAuthor");
  both.write(0, 1);
  both.write(0, 2);
  for (const slot of [0, 1, 2]) for (const n of slot === 0 ? [2, 1] : [1, 2]) both.get(slot, 10, n);
  expect(both.all()).toMatchObject({ order: { disordered: 1 }, delivery: {} });
  // Who comes in between has the first as state, and is the first to hear the second.
  const between = setup("perAuthor");
  between.write(0, 1);
  between.write(0, 2);
  between.ledger.joined(3, 13, "room", 1_000);
  between.get(3, 10, 2);
  for (const slot of [0, 1, 2]) for (const n of [1, 2]) between.get(slot, 10, n);
  expect(between.all()).toMatchObject({ order: {}, delivery: {} });
});

test("a write of another room, another run, or nobody is foreign", () => {
  const { get, write, ledger, outcome } = setup();
  ledger.joined(3, 13, "other", 1);
  write(3, 1);
  get(3, 13, 1);
  get(0, 13, 1);
  get(0, 10, 1, { run: "x" });
  get(0, 10, 7);
  expect(outcome("isolation")).toEqual({ foreign: 3 });
});

test("a payload that does not fit its sum, or differs from what others got, is damaged", () => {
  const { get, write, outcome } = setup();
  write(0, 1);
  get(0, 10, 1);
  get(1, 10, 1, { content: "other" });
  get(2, 10, 1, { content: "10/1", intact: false });
  expect(outcome("delivery")).toEqual({ damaged: 2 });
});

test("an author without echo has its own writes by their confirmations, in the one order", () => {
  const { get, write, ledger, all } = setup("position", false);
  write(0, 1);
  write(1, 1);
  ledger.accepted(0, 1, 1, 20);
  get(1, 10, 1);
  ledger.accepted(1, 1, 2, 21);
  get(0, 11, 1);
  get(2, 10, 1);
  get(2, 11, 1);
  expect(ledger.isQuiet()).toBe(true);
  expect(all()).toMatchObject({ delivery: {}, order: {} });
});

test("a confirmation that comes before an earlier write of somebody else is disorder", () => {
  const { get, write, ledger, outcome } = setup("position", false);
  write(0, 1);
  write(1, 1);
  ledger.accepted(0, 1, 1, 20);
  get(2, 10, 1);
  get(2, 11, 1);
  get(0, 11, 1);
  ledger.accepted(1, 1, 2, 21);
  get(1, 10, 1);
  expect(outcome("order")).toEqual({ disordered: 1 });
});

test("a newcomer may or may not receive what was in flight when it joined", () => {
  const { get, write, ledger, all } = setup();
  write(0, 1);
  get(0, 10, 1);
  ledger.joined(3, 13, "room", 100);
  get(1, 10, 1);
  get(2, 10, 1);
  ledger.joined(4, 14, "room", 101);
  get(4, 10, 1);
  expect(all()).toMatchObject({ delivery: {}, order: {}, isolation: {} });
});

test("what a newcomer received before its join was known, and the others long ago, is neither doubled nor foreign", () => {
  const { get, write, all, ledger } = setup();
  for (let n = 1; n <= 64; n += 1) {
    write(0, n);
    for (const slot of [0, 1, 2]) get(slot, 10, n);
  }
  ledger.joined(3, 13, "room", 1000);
  write(0, 65);
  for (let n = 30; n <= 65; n += 1) get(3, 10, n);
  for (const slot of [0, 1, 2]) get(slot, 10, 65);
  get(3, 10, 65, { content: "10/65" });
  expect(all()).toEqual({ delivery: { doubled: 1 }, convergence: {}, order: {}, isolation: {}, refusals: {}, guarantees: {} });
});

test("a state older than what its client has received is stale; one that is newer is not", () => {
  const { get, write, ledger, outcome } = setup();
  write(0, 1);
  write(0, 2);
  get(0, 10, 1);
  get(0, 10, 2);
  get(1, 10, 1);
  ledger.snapshot(1, { run: "r", author: 10, n: 2, intact: true }, 50);
  ledger.snapshot(0, { run: "r", author: 10, n: 1, intact: true }, 51);
  get(1, 10, 2);
  get(2, 10, 1);
  get(2, 10, 2);
  expect(outcome("guarantees")).toEqual({ stale: 1 });
});

test("a refused write that is delivered all the same was not refused", () => {
  const { get, write, ledger, outcome } = setup();
  write(0, 1);
  ledger.rejected(0, 1);
  get(1, 10, 1);
  expect(outcome("refusals")).toEqual({ "not-refused": 1 });
});

test("a redelivery long after the window has moved on is doubled, and 20,000 writes break nothing else", () => {
  const { get, write, ledger, all } = setup();
  for (let n = 1; n <= 20_000; n += 1) {
    write(0, n);
    for (const slot of [0, 1, 2]) get(slot, 10, n);
  }
  get(1, 10, 5);
  expect(ledger.figures.recognised).toBeGreaterThan(39_990);
  expect(all()).toEqual({ delivery: { doubled: 1 }, order: {}, isolation: {}, refusals: {}, guarantees: {}, convergence: {} });
});

test("a frame that holds several writes is recognised as one, with all of them", () => {
  const ledger = new MemoryLedger({
    orderModel: "total",
    echo: false,
    run: "r",
    slots: 8,
    histogram,
    textOf: (bytes) => [...bytes].join(" "),
  });
  for (const slot of [0, 1, 2]) ledger.joined(slot, 10 + slot, "room", 1);
  for (const n of [1, 2, 3]) ledger.invoked(0, n, 2, 2);
  const first = Uint8Array.of(7, 1);
  const both = Uint8Array.of(7, 2, 3);
  const take = (slot: number, bytes: Uint8Array, ns: readonly number[], nowMs: number): boolean => {
    if (ledger.recognise(slot, bytes, 0, bytes.length, nowMs) !== undefined) return true;
    for (const n of ns) {
      const marker = { run: "r", author: 10, n, intact: true };
      ledger.delivered(slot, { kind: "delivered", marker, content: `${n}` }, undefined, bytes, nowMs);
    }
    return false;
  };
  for (const n of [1, 2, 3]) ledger.accepted(0, n, n, 3);
  // A member's first delivery is always decoded; the second receiver of a frame then knows it by its bytes.
  expect([take(1, first, [1], 4), take(2, first.slice(), [1], 4)]).toEqual([false, false]);
  expect([take(1, both, [2, 3], 5), take(2, both.slice(), [2, 3], 6)]).toEqual([false, true]);
  expect(ledger.isQuiet()).toBe(true);
  expect(ledger.figures.delivered).toBe(6);
  expect(Object.fromEntries(ledger.finish(9).map((each) => [each.property, each.broken]))).toMatchObject({ delivery: {}, order: {} });
});
