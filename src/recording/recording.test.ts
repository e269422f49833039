import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { MemoryLedger } from "../checkers/ledger.ts";
import { createConnections, createPanel } from "../checkers/index.ts";
import type { OrderModel } from "../core/binding.ts";
import type { CheckerOutcome, Panel } from "../core/checker.ts";
import type { Histogram } from "../core/histogram.ts";
import { encodeFigures } from "../core/measured.ts";
import type { Delivered, Detail, Observation } from "../core/observation.ts";
import { createPrng } from "../core/prng.ts";
import { createChunkFile } from "./chunk-file.ts";
import { readChunks, RecordingFault } from "./chunk-reader.ts";
import type { Sink } from "./event-buffer.ts";
import { CHUNK, FRAMES_BACK_MAX } from "./format.ts";
import { Recorder } from "./recorder.ts";
import { type RecordedSecond, Replay } from "./replay.ts";

const folder = mkdtempSync(join(tmpdir(), "rollcall-recording-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Keeps every value, so that two of them are equal only when each was told the same. */
function listing(): Histogram & { readonly values: number[] } {
  const values: number[] = [];
  return {
    values,
    record: (valueMs) => void values.push(Math.round(valueMs * 1000)),
    get count() {
      return values.length;
    },
    percentileMs: () => 0,
    maxMs: 0,
    encode: () => values.join(" "),
    merge: () => undefined,
  };
}

const CLIENTS = 12;
const RUN = "run";

function ledgerOf(orderModel: OrderModel, echo: boolean): MemoryLedger {
  return new MemoryLedger({ orderModel, echo, run: RUN, slots: CLIENTS, histogram: listing, textOf: (bytes) => [...bytes].join(" ") });
}

/** Checkers, and everything that they were told. */
function panelOf(): Panel & { readonly told: Observation[] } {
  const told: Observation[] = [];
  const inner = createPanel([createConnections()]);
  return {
    told,
    observe: (observation) => {
      told.push(observation);
      inner.observe(observation);
    },
    finish: (nowMs) => inner.finish(nowMs),
  };
}

function memorySink(): Sink & { readonly chunks: Buffer[] } {
  const chunks: Buffer[] = [];
  return {
    chunks,
    exchange: (filled, length, least) => {
      chunks.push(Buffer.from(filled.subarray(0, length)));
      return least > filled.length ? Buffer.alloc(least) : filled;
    },
  };
}

interface Judged {
  readonly outcomes: readonly CheckerOutcome[];
  readonly figures: Readonly<Record<string, unknown>>;
  readonly told: readonly Observation[];
}

function figuresOf(ledger: MemoryLedger): Judged["figures"] {
  return { ...ledger.figures, ...encodeFigures(ledger.figures) };
}

/**
 * A run of three rooms on a server with many faults: members come, go and lag; deliveries are lost, doubled, swapped,
 * damaged, told to the wrong room; some frames are the receiver's own, some hold two writes.
 */
function play(seed: string, orderModel: OrderModel, echo: boolean, steps: number): { live: Judged; chunks: readonly Buffer[] } {
  const prng = createPrng(seed);
  const sink = memorySink();
  const originMs = 1234.567;
  const recorder = new Recorder({ sink, run: RUN, originMs });
  const inner = ledgerOf(orderModel, echo);
  const ledger = recorder.ledger(inner, CLIENTS);
  const listener = panelOf();
  const panel = recorder.panel(listener);
  const chance = (share: number): boolean => prng.next() < share;
  const pick = (below: number): number => Math.floor(prng.next() * below);
  let nowMs = originMs;
  const tick = (): number => (nowMs += prng.next() * 3);
  const numbers = Array.from({ length: CLIENTS }, (_, slot) => CLIENTS - 1 - slot);
  const roomOf = (slot: number): string => `room-${slot % 3}`;
  const isIn = new Set<number>();
  const counters = new Map<number, number>();
  /** What each member has still to be given. */
  const queues = Array.from({ length: CLIENTS }, (): { bytes: Uint8Array; deliveries: Delivered[]; isShared: boolean }[] => []);
  const see = (slot: number, detail: Detail): void =>
    panel.observe({ ...detail, atMs: nowMs, client: numbers[slot] ?? 0, room: roomOf(slot) });

  for (let step = 0; step < steps; step += 1) {
    tick();
    if (step % 100 === 0) recorder.second({ t: step / 100, clients: isIn.size, sent: 3, loopLagMs: 0.25 });
    const slot = pick(CLIENTS);
    if (!isIn.has(slot)) {
      if (chance(0.5)) continue;
      see(slot, { kind: "connected", user: `user ${slot}`, startedMs: nowMs - 1.23456 });
      see(slot, { kind: "lifecycle", event: "joined" });
      isIn.add(slot);
      ledger.joined(slot, numbers[slot] ?? 0, roomOf(slot), nowMs);
      queues[slot] = [];
    } else if (chance(0.02)) {
      see(slot, { kind: "disconnected", code: 1006, reason: "é", wanted: chance(0.5) });
      isIn.delete(slot);
      ledger.left(slot, nowMs);
    } else if (chance(0.3)) {
      const author = numbers[slot] ?? 0;
      const deliveries: Delivered[] = [];
      for (let more = chance(0.1) ? 2 : 1; more > 0; more -= 1) {
        const n = (counters.get(slot) ?? 0) + 1;
        counters.set(slot, n);
        ledger.invoked(slot, n, nowMs - prng.next() * 5, nowMs);
        see(slot, { kind: "invoked", op: n, act: "write", plannedMs: nowMs, marker: { run: RUN, author, n, intact: true } });
        if (chance(0.03)) {
          ledger.rejected(slot, n);
          if (chance(0.5)) continue;
        } else if (!echo) ledger.accepted(slot, n, n, tick());
        const content = chance(0.002) ? "x".repeat(300_000) : `${author}/${n} ü`;
        deliveries.push({ kind: "delivered", author: `user ${slot}`, position: n, marker: { run: RUN, author, n, intact: true }, content });
      }
      const bytes = new TextEncoder().encode(deliveries.map(({ content }) => content).join());
      const isShared = chance(0.8);
      for (const other of isIn) {
        const isRoommate = other % 3 === slot % 3 && (echo || other !== slot);
        if (isRoommate ? chance(0.02) : !chance(0.005)) continue;
        const queue = queues[other] ?? [];
        const shown = chance(0.01)
          ? deliveries.map((each) => ({
              ...each,
              content: `${each.content}!`,
              marker: { run: "other", author, n: 2 ** 60, intact: false },
            }))
          : deliveries;
        queue.push({ bytes, deliveries: shown, isShared });
        if (chance(0.02)) queue.push({ bytes, deliveries, isShared });
        if (chance(0.02) && queue.length > 1) queue.reverse();
      }
    } else if (chance(0.9)) {
      const frame = queues[slot]?.shift();
      if (frame === undefined) continue;
      const bytes = frame.bytes.slice();
      if (ledger.recognise(slot, bytes, 0, bytes.length, nowMs) === undefined)
        for (const delivery of frame.deliveries) ledger.delivered(slot, delivery, undefined, frame.isShared ? bytes : undefined, nowMs);
    } else if (chance(0.5)) {
      const marker = { run: RUN, author: numbers[slot] ?? 0, n: 1 + pick(counters.get(slot) ?? 1), intact: true };
      see(slot, { kind: "snapshot", askedMs: nowMs - 1, content: "…", marker, members: ["a", "b"] });
      ledger.snapshot(slot, marker, nowMs);
    } else see(slot, { kind: "presence", event: "joined", user: "someone", ...(chance(0.5) ? { count: pick(9) } : {}) });
  }
  for (const slot of isIn) ledger.finalState(slot, chance(0.2) ? undefined : { run: RUN, author: numbers[slot] ?? 0, n: 1, intact: true });
  const outcomes = [...ledger.finish(tick()), ...panel.finish(nowMs)];
  return { live: { outcomes, figures: figuresOf(inner), told: listener.told }, chunks: sink.chunks };
}

function judge(chunks: readonly Buffer[], orderModel: OrderModel, echo: boolean): Judged & { seconds: RecordedSecond[]; outcome: boolean } {
  const ledger = ledgerOf(orderModel, echo);
  const panel = panelOf();
  const seconds: RecordedSecond[] = [];
  const onSecond = (second: RecordedSecond): void => void seconds.push(second);
  const replay = new Replay({ run: RUN, originMs: 1234.567, clients: CLIENTS, ledger, panel, onSecond });
  for (const chunk of chunks) replay.take(chunk);
  const outcome = replay.outcomes !== undefined;
  return { outcomes: replay.cutShort(), figures: figuresOf(ledger), told: panel.told, seconds, outcome };
}

describe("a recording", () => {
  const cases = ["a", "b", "c"].flatMap((seed) =>
    (["total", "perAuthor"] as const).flatMap((model) => [true, false].map((echo) => [seed, model, echo] as const)),
  );
  test.each(cases)("of a faulty run (seed %s, order %s, echo %s) is judged as the run was, to the microsecond", (seed, model, echo) => {
    const { live, chunks } = play(seed, model, echo, 4000);
    const again = judge(chunks, model, echo);
    expect(live.outcomes.filter(({ broken }) => Object.keys(broken).length > 0).length).toBeGreaterThan(2);
    expect(again.outcomes).toEqual(live.outcomes);
    expect(again.figures).toEqual(live.figures);
    expect(again.told).toEqual(live.told);
    expect(again.seconds).toHaveLength(40);
    expect(again.outcome).toBe(true);
  });

  test("of a member that lags further than a reader remembers holds the frames again", () => {
    const sink = memorySink();
    const recorder = new Recorder({ sink, run: RUN, originMs: 1234.567 });
    const inner = ledgerOf("total", true);
    const ledger = recorder.ledger(inner, CLIENTS);
    for (const slot of [0, 1]) ledger.joined(slot, slot, "room", 1235);
    const frames = Array.from({ length: 3 * FRAMES_BACK_MAX }, (_, index) => ({ n: index + 1, bytes: Uint8Array.of(index, 7) }));
    let nowMs = 1236;
    const give = (slot: number, { n, bytes }: { n: number; bytes: Uint8Array }): void => {
      if (ledger.recognise(slot, bytes, 0, 2, (nowMs += 1)) !== undefined) return;
      const marker = { run: RUN, author: 0, n, intact: true };
      ledger.delivered(slot, { kind: "delivered", marker, content: String(n) }, undefined, bytes, nowMs);
    };
    for (const frame of frames) {
      ledger.invoked(0, frame.n, nowMs, nowMs);
      give(0, frame);
    }
    for (const frame of frames) give(1, frame);
    const outcomes = [...ledger.finish(nowMs), ...recorder.panel(panelOf()).finish(nowMs)];
    const again = judge(sink.chunks, "total", true);
    expect(again.outcomes.slice(0, 6)).toEqual(outcomes.slice(0, 6));
    expect(again.figures).toEqual(figuresOf(inner));
    expect(again.figures["recognised"]).toBeGreaterThan(2 * FRAMES_BACK_MAX);
  });

  test("holds no token that a server quotes", () => {
    const token = `eyJhbGciOiJFUzI1NksifQ.${"ab".repeat(30)}.${"cd".repeat(40)}`;
    const sink = memorySink();
    const recorder = new Recorder({ sink, run: RUN, originMs: 0 });
    const listener = panelOf();
    recorder.panel(listener).observe({ kind: "problem", reason: "malformed", text: `what is \n${token}?`, atMs: 1, client: 0, room: "r" });
    recorder.flush();
    expect(Buffer.concat(sink.chunks).toString("latin1")).not.toContain("abababab");
    expect(listener.told).toMatchObject([{ text: "what is \n…?" }]);
  });

  test("is incomplete, and the run goes on, when the disk does not keep up", () => {
    const recorder = new Recorder({ sink: { exchange: () => undefined }, run: RUN, originMs: 0 });
    const inner = ledgerOf("total", true);
    const ledger = recorder.ledger(inner, CLIENTS);
    ledger.joined(0, 0, "room", 1);
    for (let n = 1; n <= 50_000; n += 1) ledger.invoked(0, n, n, n);
    expect(inner.figures.invoked).toBe(50_000);
    expect(recorder.lost).toContain("as fast as");
    expect(recorder.events).toBeLessThan(50_000);
  });

  test.each([0.1, 0.5, 0.9])("of noise (from %d of it on) is called damaged, and nothing worse happens", (share) => {
    const { chunks } = play("noise", "total", true, 300);
    const bytes = Buffer.concat(chunks);
    const prng = createPrng(`noise ${share}`);
    for (let round = 0; round < 200; round += 1) {
      const noisy = Buffer.from(bytes);
      for (let at = Math.floor(share * noisy.length); at < noisy.length; at += 1 + Math.floor(prng.next() * 50))
        noisy[at] = prng.next() * 256;
      try {
        judge([noisy], "total", true);
      } catch (error) {
        expect(error).toBeInstanceOf(RecordingFault);
      }
    }
  });
});

describe("the file of a recording", () => {
  async function written(name: string, chunks: readonly Buffer[]): Promise<string> {
    const path = join(folder, name);
    const file = await createChunkFile(path);
    file.document(CHUNK.header, { hello: 1 });
    for (const chunk of chunks) file.exchange(chunk, chunk.length, 0);
    await file.close();
    return path;
  }
  async function all(path: string): Promise<{ kinds: number[]; fault: string | undefined }> {
    const kinds: number[] = [];
    try {
      for await (const { kind } of readChunks(path)) kinds.push(kind);
    } catch (error) {
      if (!(error instanceof RecordingFault)) throw error;
      return { kinds, fault: error.message };
    }
    return { kinds, fault: undefined };
  }
  const noise = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251));

  test("gives its chunks back in order", async () => {
    expect(await all(await written("whole", [noise, noise]))).toEqual({ kinds: [1, 2, 2], fault: undefined });
  });

  test("is read as far as it goes when it is cut off, and says where it ends", async () => {
    const path = await written("cut", [noise, noise]);
    truncateSync(path, readFileSync(path).length - 5);
    expect(await all(path)).toMatchObject({ kinds: [1, 2], fault: expect.stringContaining("ends in mid-chunk") as string });
    appendFileSync(path, Buffer.alloc(5));
    expect(await all(path)).toMatchObject({ kinds: [1, 2], fault: expect.stringContaining("damaged") as string });
  });

  test("is told from other files, and never written over", async () => {
    const path = join(folder, "foreign");
    writeFileSync(path, "GIF89a, or something else");
    expect(await all(path)).toMatchObject({ kinds: [], fault: "it is no recording of rollcall" });
    await expect(createChunkFile(path)).rejects.toMatchObject({ name: "HarnessError", code: "usage" });
    expect(await all(join(folder, "nothing"))).toMatchObject({ fault: "there is no such file" });
  });
});
