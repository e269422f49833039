import { expect, test, vi } from "vitest";
import { createAlarms } from "./alarms.ts";

function setup() {
  vi.useFakeTimers();
  let nowMs = 1000;
  const alarms = createAlarms(() => nowMs);
  const pass = (ms: number): void => {
    nowMs += ms;
    vi.advanceTimersByTime(ms);
  };
  return { alarms, pass, now: () => nowMs };
}

test("an alarm rings once, not before its time", () => {
  const { alarms, pass, now } = setup();
  const rung: number[] = [];
  alarms.create((nowMs) => rung.push(nowMs)).set(now() + 20);
  pass(19);
  expect(rung).toEqual([]);
  pass(50);
  expect(rung.length).toBe(1);
  alarms.stop();
});

test("a later setting replaces an earlier one, in both directions, and Infinity takes it back", () => {
  const { alarms, pass, now } = setup();
  const rung: string[] = [];
  const one = alarms.create(() => rung.push("one"));
  const two = alarms.create(() => rung.push("two"));
  const three = alarms.create(() => rung.push("three"));
  one.set(now() + 50);
  one.set(now() + 10);
  two.set(now() + 10);
  two.set(now() + 50);
  three.set(now() + 10);
  three.set(Infinity);
  pass(20);
  expect(rung).toEqual(["one"]);
  pass(100);
  expect(rung).toEqual(["one", "two"]);
  alarms.stop();
});

test("a turn that comes late rings everything that was due", () => {
  vi.useFakeTimers();
  let nowMs = 0;
  const alarms = createAlarms(() => nowMs);
  let rung = 0;
  for (let atMs = 1; atMs <= 500; atMs += 1) alarms.create(() => (rung += 1)).set(atMs);
  nowMs = 600;
  vi.advanceTimersByTime(1);
  expect(rung).toBe(500);
  alarms.stop();
});

test("an alarm that sets itself again while it rings is kept", () => {
  const { alarms, pass, now } = setup();
  let rung = 0;
  const alarm = alarms.create((nowMs) => {
    rung += 1;
    alarm.set(nowMs + 5);
  });
  alarm.set(now() + 5);
  for (let round = 0; round < 60; round += 1) pass(1);
  expect(rung).toBeGreaterThanOrEqual(9);
  alarms.stop();
});

test("an alarm further ahead than the wheel goes round rings at its time, once", () => {
  const { alarms, pass, now } = setup();
  const from = now();
  const rung: number[] = [];
  alarms.create((nowMs) => rung.push(nowMs - from)).set(from + 100_000);
  for (let step = 0; step < 150; step += 1) pass(1000);
  expect(rung).toEqual([100_000]);
  alarms.stop();
});

test("an alarm that is set over and over, back to a time it had, rings once", () => {
  const { alarms, pass, now } = setup();
  let rung = 0;
  const alarm = alarms.create(() => (rung += 1));
  for (const ms of [10, 20, 10, 30, 10]) alarm.set(now() + ms);
  pass(50);
  expect(rung).toBe(1);
  alarms.stop();
});
