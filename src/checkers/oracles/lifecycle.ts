import fc from "fast-check";
import type { Observation } from "../../core/observation.ts";
import type { Reason } from "../../core/reason.ts";
import { spansOf } from "./facts.ts";

interface Life {
  readonly roomTtlMs: number;
  readonly toleranceBelowMs: number;
  readonly toleranceAboveMs: number;
  readonly toldWithinMs: number;
}

/** Three clients come, act, are told of the end of the room at any time, and go. */
export function lives(life: Life): fc.Arbitrary<Observation[]> {
  const waits = [
    1,
    10,
    life.toldWithinMs,
    life.toldWithinMs + 1,
    life.roomTtlMs / 2,
    life.roomTtlMs - life.toleranceBelowMs,
    life.roomTtlMs,
    life.roomTtlMs + life.toleranceAboveMs + 1,
  ];
  const act = fc.record({
    kind: fc.constantFrom("in", "in", "out", "write", "keepalive", "read", "gone"),
    client: fc.nat({ max: 2 }),
    waitMs: fc.constantFrom(...waits),
  });
  return fc.array(act, { minLength: 2, maxLength: 16 }).map((acts) => {
    const open = new Set<number>();
    const out: Observation[] = [];
    let atMs = 0;
    for (const [op, { kind, client, waitMs }] of acts.entries()) {
      atMs += waitMs;
      const who = { atMs, client, room: "r" };
      if (kind === "in" && !open.has(client)) {
        open.add(client);
        out.push({ ...who, kind: "connected", user: `u${client}` }, { ...who, kind: "lifecycle", event: "joined" });
      } else if (kind === "in" || !open.has(client)) continue;
      else if (kind === "out") out.push({ ...who, kind: "disconnected", code: 1000, reason: "", wanted: true });
      else if (kind === "gone")
        out.push({ ...who, kind: "lifecycle", event: "gone" }, { ...who, kind: "disconnected", code: 4410, reason: "", wanted: false });
      else out.push({ ...who, kind: "invoked", op, act: kind, plannedMs: atMs });
      if (kind === "out" || kind === "gone") open.delete(client);
    }
    return out;
  });
}

/** The room's life by looking back from each sign of it. */
export function lifecycleReasons(history: readonly Observation[], life: Life, endMs: number): Set<Reason> {
  const reasons = new Set<Reason>();
  const isJoin = (one: Observation): boolean => one.kind === "lifecycle" && one.event === "joined";
  const isAct = (one: Observation): boolean => isJoin(one) || one.kind === "invoked";
  const isKeeping = (one: Observation): boolean =>
    isJoin(one) || (one.kind === "invoked" && (one.act === "write" || one.act === "keepalive"));
  const lastBefore = (at: number, fits: (one: Observation) => boolean): number | undefined =>
    history.slice(0, at).reduce<number | undefined>((last, one) => (fits(one) ? one.atMs : last), undefined);
  const goneAt = history.findIndex((one) => one.kind === "lifecycle" && one.event === "gone");
  const goneMs = history[goneAt]?.atMs;
  const tooLateMs = life.roomTtlMs + life.toleranceAboveMs;

  if (goneMs !== undefined) {
    const kept = lastBefore(goneAt, isKeeping) ?? 0;
    if (goneMs - kept < life.roomTtlMs - life.toleranceBelowMs) reasons.add("early");
    else if (goneMs - (lastBefore(goneAt, isAct) ?? 0) > tooLateMs) reasons.add("late");
  }
  history.forEach((one, at) => {
    if (isJoin(one)) {
      const before = lastBefore(at, isAct);
      if (goneMs !== undefined && at > goneAt) {
        if (one.atMs > goneMs) reasons.add("ghost");
      } else if (before !== undefined && one.atMs - before > tooLateMs) reasons.add("late");
    }
    if (one.kind === "lifecycle" && one.event === "gone" && goneMs !== undefined && one.atMs - goneMs > life.toldWithinMs)
      reasons.add("late");
  });
  const stayers = spansOf(history).filter((span) => span.joined < Infinity && span.gone === Infinity);
  if (goneMs === undefined) {
    const last = lastBefore(history.length, isAct);
    if (last !== undefined && stayers.length > 0 && endMs - last > tooLateMs) reasons.add("late");
  } else if (endMs - goneMs > life.toldWithinMs && stayers.some((span) => (history[span.from]?.atMs ?? 0) <= goneMs)) reasons.add("late");
  return reasons;
}
