import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FaultSignal } from "../core/fault.ts";
import { createCarrier } from "./carrier.ts";
import type { PlannedFault, Timeline } from "./timeline.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const fault = (id: number, beginMs: number, endMs: number): PlannedFault => ({
  id,
  action: { kind: "pause" },
  what: `fault ${id}`,
  whom: "",
  beginMs,
  endMs,
  lanes: [],
  replicas: [],
});

function carry(
  faults: readonly PlannedFault[],
  healMs: number,
  strike?: (fault: PlannedFault) => Promise<() => Promise<void>>,
  heard: () => Promise<void> = () => Promise.resolve(),
) {
  const log: string[] = [];
  const timeline: Timeline = { plan: "p", faults, healMs, lanes: 1, mistakes: [] };
  const carrier = createCarrier({
    timeline,
    strike:
      strike ??
      ((struck) => {
        log.push(`strike ${struck.id}`);
        return Promise.resolve(() => {
          log.push(`undo ${struck.id}`);
          return Promise.resolve();
        });
      }),
    signal: (signal: FaultSignal) => {
      log.push(signal.kind === "healed" ? "healed" : `${signal.kind} ${signal.fault}`);
      return heard();
    },
    say: () => undefined,
    nowMs: () => Date.now(),
  });
  return { carrier, log };
}

test("players are told before a fault strikes, and after it is undone", async () => {
  const { carrier, log } = carry([fault(0, 100, 300), fault(1, 200, 200)], 1000);
  carrier.begin();
  await vi.advanceTimersByTimeAsync(250);
  expect(log).toEqual(["begin 0", "strike 0", "begin 1", "strike 1", "undo 1", "end 1"]);
  await vi.advanceTimersByTimeAsync(800);
  expect(log.slice(6)).toEqual(["undo 0", "end 0", "healed"]);
});

test("a fault waits until all players have heard of it", async () => {
  const heard = Promise.withResolvers<void>();
  const { carrier, log } = carry([fault(0, 100, 300)], 1000, undefined, () => heard.promise);
  carrier.begin();
  await vi.advanceTimersByTimeAsync(200);
  expect(log).toEqual(["begin 0"]);
  heard.resolve();
  await vi.advanceTimersByTimeAsync(200);
  expect(log).toEqual(["begin 0", "strike 0", "undo 0", "end 0"]);
});

test("all is healed at its time, also what would last longer, and what has not begun never does", async () => {
  const { carrier, log } = carry([fault(0, 100, 5000), fault(1, 600, 700)], 400);
  carrier.begin();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(log).toEqual(["begin 0", "strike 0", "undo 0", "end 0", "healed"]);
});

test("an interrupt heals at once, and once", async () => {
  const { carrier, log } = carry([fault(0, 100, 5000)], 6000);
  carrier.begin();
  await vi.advanceTimersByTimeAsync(200);
  await carrier.heal();
  await carrier.heal();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(log.filter((each) => each === "undo 0" || each === "healed")).toEqual(["undo 0", "healed"]);
});

test("a server that does not come back is told, and the run is healed all the same", async () => {
  const { carrier, log } = carry([fault(0, 100, 200)], 400, () => Promise.resolve(() => Promise.reject(new Error("not ready"))));
  carrier.begin();
  await vi.advanceTimersByTimeAsync(1000);
  expect([...carrier.failures]).toEqual([[0, "not ready"]]);
  expect(log).toEqual(["begin 0", "end 0", "healed"]);
});
