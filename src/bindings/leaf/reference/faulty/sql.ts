import { decodeEvent } from "../../events.ts";
import type { SqlFaults, WindowFacts } from "../faults.ts";

/** Behind the positions that most cases reach: a fault there shows where long histories are looked at. */
const FAR = 3_000;
const VERY_FAR = 5_000;

/** A window of one who catches up, and whose size is this one. */
function closesGap({ limit, rows, sent }: WindowFacts, asked: number): boolean {
  return limit === asked && sent > 0 && rows < limit;
}

export const SQL_FAULTS: Readonly<Record<string, () => Partial<SqlFaults>>> = {
  "swaps-rows-of-a-window": () => ({
    orders: ({ start, limit }, rows) => {
      if (limit !== 1_000 || start <= FAR || rows.length < 2 || rows.length >= 200) return rows;
      const [first, second, ...rest] = rows;
      return first === undefined || second === undefined ? rows : [second, first, ...rest];
    },
  }),
  "lets-modules-write-the-log": () => ({ letsModulesWriteLog: true }),
  "skips-one-where-history-ends": () => ({ advance: (window, next) => (closesGap(window, 499) ? next + 1 : next) }),
  "repeats-one-where-history-ends": () => ({ advance: (window, next) => (closesGap(window, 500) && window.rows > 0 ? next - 1 : next) }),
  "forgets-the-last-events": () => ({ forgotten: 5 }),
  "keeps-part-of-a-refused-batch": () => ({ isAtomic: (events) => events < 2 }),
  "leaves-a-gap-for-a-refused-batch": () => ({ headAfterRefusal: (before, reached) => (reached > before ? before + 1 : before) }),
  "view-misses-far-deletions": () => ({
    materialises: (idx, payload) => idx < VERY_FAR || decodeEvent(payload)?.kind !== "delete",
  }),
  "view-leaves-out-its-last-row": () => ({
    answered: (rows, query) => (query === "room" && rows.length >= 3 && rows.length <= 40 ? rows.slice(0, -1) : rows),
  }),
  "rebuilds-from-part-of-the-log": () => ({ replayed: (events) => events.filter((_, index) => index % 100 !== 50) }),
  "read-behind-an-append-is-empty": () => ({
    answered: (rows, query, limit) => (query === "log" && limit !== undefined && limit > 1n && rows.length === 1 ? [] : rows),
  }),
  "state-events-enter-the-log": () => ({ logsStateEvent: (payload) => payload.length > 1 }),
  "keeps-part-of-a-refused-state-batch": () => ({ isStateAtomic: false }),
  "whole-floats-become-integers": () => ({
    parameter: (value) => (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 1e15 ? BigInt(value) : value),
  }),
  "resumes-one-too-late": () => ({ begins: (start) => (start > 1 && start < FAR ? start + 1 : start) }),
  "leaks-between-streams": () => {
    let count = 0;
    return {
      // Streams of four that are in use at once: the one hears some of the news of the other.
      leaksTo: (did, subscribers) => {
        if (subscribers.get(did) !== 4) return undefined;
        count += 1;
        if (count % 5 !== 0) return undefined;
        for (const [other, others] of subscribers) if (other !== did && others === 4) return other;
        return undefined;
      },
    };
  },
  "reads-are-open-to-strangers": () => ({ guards: (user) => user === undefined }),
  "reads-are-open-to-nobody-in-particular": () => ({ guards: (user) => user !== undefined }),
  "takes-bad-bounds": () => ({ refusesBadBounds: false }),
  "missing-parameter-is-null": () => ({ demandsParameters: false }),
  "window-is-too-wide": () => ({ windowMax: () => 1_000_000 }),
  "sends-all-windows-before-it-listens": () => ({ isGreedy: true }),
  "judges-the-first-event-only": () => ({ judges: (index) => index === 0 }),
};
