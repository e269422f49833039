import type { CaseClient, CaseContext } from "../../../core/case.ts";
import type { Span } from "./model.ts";
import { sleepUntil, tryJoin, type JoinOutcome } from "./support.ts";

/** Life of a room after its last activity (P-5), and the two times at which it is looked for; unscaled. */
export const ROOM_LIFE_MS = 60_000;
export const STILL_ALIVE_MS = 55_000;
export const GONE_MS = 70_000;
/** A heartbeat "preferably every 30 seconds". */
export const BEAT_MS = 30_000;

/** How often a timed probe is tried again when the harness came too late to know; only on a scaled clock. */
const TRIES = 3;

/**
 * Keeps a room that a case needs for longer than a life, by whatever the reference counts as activity. For cases that
 * judge something else: whether each of these alone keeps a room is judged by the heartbeat cases.
 */
export function keepAlive(t: CaseContext, client: CaseClient): { stop(): void } {
  let isOver = false;
  const run = async (): Promise<void> => {
    while (!isOver && client.isOpen) {
      client.keepalive();
      client.read();
      await t.sleep(t.scaled(BEAT_MS / 2));
    }
  };
  // It ends with its case, whose waits are then broken off.
  run().catch(() => {});
  return {
    stop: () => {
      isOver = true;
    },
  };
}

/** What a beating came to. */
export interface Beating {
  /** When the last beat was sent. */
  readonly lastMs: number;
  /** Every gap was short enough that the room could not be deleted meanwhile. */
  readonly isOnTime: boolean;
  readonly isOpen: boolean;
}

/**
 * Sends `count` heartbeats and nothing else, `everyMs` (unscaled) apart from `startMs` on, and stops when the socket is
 * gone. Beats stand on a grid, so that one that is late does not delay the others.
 */
export async function beat(t: CaseContext, client: CaseClient, startMs: number, everyMs: number, count: number): Promise<Beating> {
  let lastMs = startMs;
  let isOnTime = true;
  for (let n = 1; n <= count; n += 1) {
    const dueMs = startMs + n * t.scaled(everyMs);
    await t.until(() => !client.isOpen, Math.max(0, dueMs - t.nowMs()));
    const nowMs = t.nowMs();
    if (!client.isOpen) return { lastMs, isOnTime: isOnTime && nowMs <= lastMs + t.scaled(ROOM_LIFE_MS), isOpen: false };
    isOnTime &&= nowMs - lastMs < t.scaled(ROOM_LIFE_MS) * 0.98;
    client.keepalive();
    lastMs = nowMs;
  }
  return { lastMs, isOnTime, isOpen: true };
}

/** `missed`: the probe came or ended too late to say that the room was gone too early. */
export type Probe = { readonly kind: "alive" | "gone" | "missed"; readonly outcome: JoinOutcome };

/** Looks for a room 55 s after its last activity by a join of a user that the server knows already. */
export async function probeAlive(t: CaseContext, room: string, activity: Span): Promise<Probe> {
  const user = await t.user();
  await t.http({ method: "GET", path: "/rooms" }, user);
  await sleepUntil(t, activity.low + t.scaled(STILL_ALIVE_MS));
  const outcome = await tryJoin(t, room, user);
  if (outcome.kind === "joined") return { kind: "alive", outcome };
  return { kind: t.nowMs() > activity.low + t.scaled(ROOM_LIFE_MS) ? "missed" : "gone", outcome };
}

/** Looks for a room 70 s after its last activity. */
export async function probeGone(t: CaseContext, room: string, activity: Span): Promise<JoinOutcome> {
  await sleepUntil(t, activity.high + t.scaled(GONE_MS));
  return tryJoin(t, room);
}

/** Runs a timed attempt, again in a new room when the harness came too late; true once one was in time. */
export async function attempts(t: CaseContext, attempt: () => Promise<"judged" | "missed">): Promise<boolean> {
  for (let n = 0; n < (t.timeScale > 1 ? TRIES : 1); n += 1) if ((await attempt()) === "judged") return true;
  return false;
}
