import { describe, expect, test } from "vitest";
import type { FaultKind, FaultSignal } from "../../core/fault.ts";
import { ShardFaults } from "./shard-faults.ts";

function setup(...kinds: readonly FaultKind[]) {
  let listener: (signal: FaultSignal) => void = () => undefined;
  let nowMs = 0;
  const faults = new ShardFaults(
    {
      faults: kinds.map((kind, id) => ({ id, kind, lanes: [0, 1], replicas: [0] })),
      laneCount: 4,
      isDurable: true,
      proxy: { host: "127.0.0.1", ports: [[10, 11, 12, 13]] },
      listen: (each) => {
        listener = each;
      },
    },
    () => 0,
    () => nowMs,
  );
  const at = (ms: number, signal: FaultSignal): void => {
    nowMs = ms;
    listener(signal);
  };
  return { faults, at };
}

describe("a shard in a run with faults", () => {
  test("clients of one lane go by one port", () => {
    const { faults } = setup("cut");
    expect([0, 3, 4, 7].map((client) => faults.viaOf(client)?.port)).toEqual([10, 13, 10, 13]);
  });

  test("excuses closes from the first fault until a while after the heal, and no others", () => {
    const { faults, at } = setup("cut");
    expect(faults.excuses(1006, 5)).toBe(false);
    at(10, { kind: "begin", fault: 0 });
    at(10, { kind: "end", fault: 0 });
    expect(faults.excuses(1006, 20)).toBe(true);
    at(100, { kind: "healed" });
    expect(faults.excuses(1006, 4000)).toBe(true);
    expect(faults.excuses(1006, 6000)).toBe(false);
  });

  test("a server that is asked to end says so: another close is its fault", () => {
    const { faults, at } = setup("restart");
    at(10, { kind: "begin", fault: 0 });
    expect([1001, 1012, 1006].map((code) => faults.excuses(code, 20))).toEqual([true, true, false]);
  });

  test("a loss is put down to the last fault that struck this client", () => {
    const { faults, at } = setup("cut", "reset", "latency");
    at(10, { kind: "begin", fault: 0 });
    at(20, { kind: "begin", fault: 1 });
    at(30, { kind: "begin", fault: 2 });
    faults.noticed(2, 35);
    faults.noticed(1, 40);
    faults.noticed(1, 45);
    expect(faults.seen(0, 50).map(({ noticedBy, detectMs }) => [noticedBy, detectMs])).toEqual([
      [0, undefined],
      [1, 20],
      [0, undefined],
    ]);
  });

  test("recovery counts from the fault's end until all are back and all written before is there", () => {
    const { faults, at } = setup("kill");
    at(10, { kind: "begin", fault: 0 });
    const settled: number[] = [];
    const look = (nowMs: number, isBack: boolean, isSettled: boolean): void =>
      faults.look(
        nowMs,
        () => isBack,
        (beforeMs) => {
          settled.push(beforeMs);
          return isSettled;
        },
      );
    look(20, true, true);
    at(100, { kind: "end", fault: 0 });
    look(200, false, true);
    look(300, true, false);
    expect(faults.seen(0, 300)[0]?.recoverMs).toBeUndefined();
    look(400, true, true);
    look(500, true, true);
    expect(settled).toEqual([100, 100]);
    expect(faults.seen(10, 500)[0]).toEqual({ fault: 0, beginMs: 0, endMs: 90, noticedBy: 0, recoverMs: 300 });
  });
});
