import fc from "fast-check";
import type { Observation } from "../../core/observation.ts";
import type { Reason } from "../../core/reason.ts";
import { spansOf } from "./facts.ts";

type Act = {
  readonly kind: "in" | "out" | "say-in" | "say-out" | "list";
  readonly client: number;
  readonly about: number;
  readonly waitMs: number;
};

/** Four clients of three users (the first two share one) come and go; what they are told is made up. */
export function comings(withinMs: number): fc.Arbitrary<Observation[]> {
  const act: fc.Arbitrary<Act> = fc.record({
    kind: fc.constantFrom("in", "in", "out", "say-in", "say-in", "say-out", "say-out", "list"),
    client: fc.nat({ max: 3 }),
    about: fc.nat({ max: 2 }),
    waitMs: fc.constantFrom(10, 10, 10, withinMs, withinMs + 10),
  });
  return fc.array(act, { minLength: 2, maxLength: 30 }).map((acts) => {
    const open = new Set<number>();
    const out: Observation[] = [];
    let atMs = 0;
    for (const { kind, client, about, waitMs } of acts) {
      atMs += waitMs;
      const who = { atMs, client, room: "r" };
      const user = `u${Math.max(0, client - 1)}`;
      if (kind === "in" && !open.has(client)) {
        open.add(client);
        out.push({ ...who, kind: "connected", user }, { ...who, kind: "lifecycle", event: "joined" });
      } else if (kind === "out" && open.delete(client)) out.push({ ...who, kind: "disconnected", code: 1006, reason: "", wanted: false });
      else if (kind === "say-in" || kind === "say-out")
        out.push({ ...who, kind: "presence", event: kind === "say-in" ? "joined" : "left", user: `u${about}` });
      else if (kind === "list")
        out.push({ ...who, kind: "snapshot", askedMs: atMs, content: "", members: [`u${about}`, `u${(about + 1) % 3}`] });
    }
    return out;
  });
}

/** Every pair of a connection and a user by itself: when what is so and what was said part, and when they meet again. */
export function presenceReasons(history: readonly Observation[], options: { withinMs: number; endMs: number }): Set<Reason> {
  const reasons = new Set<Reason>();
  const spans = spansOf(history);
  const userOf = (client: number): string =>
    history.flatMap((one) => (one.kind === "connected" && one.client === client ? [one.user] : []))[0] ?? "";
  const users = [...new Set(history.flatMap((one) => (one.kind === "connected" ? [one.user] : [])))];
  const isInAfter = (user: string, at: number): boolean =>
    spans.some((span) => userOf(span.client) === user && span.joined <= at && at < span.gone);
  const timeOf = (at: number): number => history[at]?.atMs ?? options.endMs;

  for (const span of spans) {
    for (const user of users) {
      if (userOf(span.client) === user) continue;
      let said: boolean | undefined;
      let apart: { sinceMs: number; toldIn: boolean } | undefined;
      const meet = (atMs: number, isMended: boolean): void => {
        if (apart !== undefined && atMs - apart.sinceMs > options.withinMs)
          reasons.add(isMended ? "late" : apart.toldIn ? "ghost" : "absent");
        apart = undefined;
      };
      const end = Math.min(span.gone, history.length);
      for (let at = span.joined + 1; at < end; at += 1) {
        const one = history[at];
        if (one === undefined) continue;
        const was = isInAfter(user, at - 1);
        const is = isInAfter(user, at);
        const wasEver = spans.some((other) => userOf(other.client) === user && other.joined <= at);
        if (was !== is) {
          if (apart !== undefined) meet(one.atMs, false);
          else if (said !== is) apart = { sinceMs: one.atMs, toldIn: !is };
        }
        if (one.kind !== "presence" || one.client !== span.client || one.user !== user) continue;
        said = one.event === "joined";
        if (!wasEver) continue;
        if (said === is) meet(one.atMs, true);
        else apart ??= { sinceMs: one.atMs, toldIn: said };
      }
      meet(timeOf(end), false);
    }
  }
  history.forEach((one, at) => {
    if (one.kind !== "snapshot" || one.members === undefined) return;
    for (const user of users) {
      if (!spans.some((span) => userOf(span.client) === user && span.joined <= at)) continue;
      const is = isInAfter(user, at);
      let since = at;
      while (since > 0 && isInAfter(user, since - 1) === is) since -= 1;
      if (one.askedMs - timeOf(since) <= options.withinMs) continue;
      if (is !== one.members.includes(user)) reasons.add(is ? "absent" : "ghost");
    }
  });
  return reasons;
}
