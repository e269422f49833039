import { describe, expect, test } from "vitest";
import { HARNESS_BOUNDS } from "../core/harness-bounds.ts";
import type { Pace } from "../core/measured.ts";
import { createHdr } from "../engines/node/hdr.ts";
import type { ShardResult } from "../engines/node/shard-types.ts";
import { honestyOf } from "./honesty.ts";

function lags(...values: readonly number[]): string {
  const histogram = createHdr();
  for (const value of values) histogram.record(value);
  return histogram.encode();
}

const CALM: Pace = { unsent: 0, sendLagMs: lags(1, 2, 3), loopLagMsMax: 4, gc: { count: 2, totalMs: 6, maxMs: 4 } };

function shard(change: Partial<ShardResult> = {}, pace: Partial<Pace> = {}): ShardResult {
  return {
    clients: 10,
    rooms: 1,
    outcomes: [],
    sent: 1000,
    planned: 1000,
    late: 0,
    dropped: 0,
    refusedJoins: 0,
    firstFailure: undefined,
    joinMs: lags(),
    actMs: 10_000,
    loopLagMsP99: 1,
    cpu: 0.2,
    residentBytes: 1000,
    interrupted: false,
    ...change,
    pace: { ...CALM, ...pace },
  };
}

const why = (...shards: readonly ShardResult[]): readonly string[] =>
  honestyOf(shards, shards.length, createHdr).harness.inconclusiveBecause;

describe("what the harness says of itself", () => {
  test("a calm run has nothing to confess, and shows its figures", () => {
    const honesty = honestyOf(
      [shard(), shard({ loopLagMsP99: 3 }, { sendLagMs: lags(20), gc: { count: 1, totalMs: 9, maxMs: 9 } })],
      2,
      createHdr,
    );
    expect(honesty.harness).toMatchObject({ loopLagMsP99: 3, loopLagMsMax: 4, gc: { count: 3, totalMs: 15, maxMs: 9 }, workers: 2 });
    expect(honesty.harness.inconclusiveBecause).toEqual([]);
    expect(honesty.sendLagMs).toMatchObject({ count: 4 });
    expect(honesty.sendLagMs.max).toBeCloseTo(20, 0);
  });

  test.each([
    ["event-loop lag", shard({ loopLagMsP99: HARNESS_BOUNDS.loopLagMsP99 + 1 })],
    ["of its core", shard({ cpu: HARNESS_BOUNDS.cpu + 0.01 })],
    ["late by over 50 ms", shard({ late: 11 })],
    ["not reached in time", shard({}, { unsent: 11 })],
    ["took 11 % of a worker's time", shard({}, { gc: { count: 30, totalMs: 1100, maxMs: 60 } })],
    ["stopped a worker for 260 ms", shard({}, { gc: { count: 1, totalMs: 260, maxMs: 260 } })],
  ])("past its bound it makes the run inconclusive: %s", (words, behind) => {
    expect(why(shard(), behind)).toHaveLength(behind.late + (behind.pace?.unsent ?? 0) > 0 ? 0 : 1);
    expect(why(behind).join()).toContain(words);
  });

  test("just within its bounds it does not", () => {
    const most = shard(
      { loopLagMsP99: HARNESS_BOUNDS.loopLagMsP99, cpu: HARNESS_BOUNDS.cpu, late: 10 },
      { gc: { count: 10, totalMs: 1000, maxMs: HARNESS_BOUNDS.gcMsMax } },
    );
    expect(why(most)).toEqual([]);
  });

  test("acts that were dropped because clients were not in their rooms are told of the server, not of us", () => {
    const { harness, undone, dropped } = honestyOf([shard({ dropped: 11 })], 1, createHdr);
    expect(harness.inconclusiveBecause).toEqual([]);
    expect(dropped).toBe(11);
    expect(undone[0]).toContain("11 of 1000");
    expect(honestyOf([shard({ dropped: 10 })], 1, createHdr).undone).toEqual([]);
  });

  test("of a recording that does not hold them, the missing figures are nothing", () => {
    const { pace: _, ...old } = shard();
    expect(honestyOf([old], 1, createHdr)).toMatchObject({ unsent: 0, sendLagMs: { count: 0 } });
  });
});
