import type { Observation } from "../../core/observation.ts";

/** A time in a history: its index. Oracles look at the whole history at once and count in these. */
export type At = number;

/** One connection, told by looking back and forth in the whole history. */
export interface Span {
  readonly client: number;
  readonly room: string;
  /** First observation of the connection. */
  readonly from: At;
  /** Where its join is confirmed; Infinity when never. */
  readonly joined: At;
  /** Where it stops to be a member: first sign of going. Infinity when it stays. */
  readonly gone: At;
  /** Where the connection itself is over. */
  readonly to: At;
}

export interface Sent {
  readonly author: number;
  readonly n: number;
  readonly op: number;
  readonly room: string;
  readonly at: At;
}

export type Shown = Observation & { readonly kind: "delivered" | "snapshot" };

export function spansOf(history: readonly Observation[]): Span[] {
  const spans: Span[] = [];
  for (const client of new Set(history.map((one) => one.client))) {
    const own = history.flatMap((one, at) => (one.client === client ? [{ one, at }] : []));
    const starts = own.filter(({ one }) => one.kind === "connected").map(({ at }) => at);
    starts.forEach((from, index) => {
      const next = starts[index + 1] ?? Infinity;
      const within = own.filter(({ at }) => at >= from && at < next);
      const to = within.find(({ one }) => one.kind === "disconnected")?.at ?? next;
      const joined = within.find(({ one, at }) => at < to && one.kind === "lifecycle" && one.event === "joined")?.at ?? Infinity;
      const leave = within.find(({ one, at }) => at < to && one.kind === "invoked" && one.act === "leave")?.at ?? Infinity;
      spans.push({ client, room: within[0]?.one.room ?? "", from, joined, gone: Math.min(to, leave), to });
    });
  }
  return spans;
}

export function writesOf(history: readonly Observation[]): Sent[] {
  return history.flatMap((one, at) =>
    one.kind === "invoked" && one.act === "write" && one.marker !== undefined
      ? [{ author: one.marker.author, n: one.marker.n, op: one.op, room: one.room, at }]
      : [],
  );
}
