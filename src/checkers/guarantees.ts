import type { OrderModel } from "../core/binding.ts";
import type { Checker } from "../core/checker.ts";
import type { Marker } from "../core/marker.ts";
import type { Observation } from "../core/observation.ts";
import { createTally } from "./tally.ts";
import { bad, keyOf, toClient } from "./words.ts";

/** What one client knows to be in the room's state. */
interface Knowledge {
  /** Counts the writes it received. */
  count: number;
  latest: { readonly author: number; readonly n: number; readonly atMs: number } | undefined;
  /** By author the highest counter received, and the count at which it came. */
  readonly received: Map<number, { readonly n: number; readonly count: number }>;
  /** By author the highest counter known by any sign: delivery, confirmation, snapshot. */
  readonly floor: Map<number, { readonly n: number; readonly atMs: number }>;
  position: { readonly at: number; readonly atMs: number } | undefined;
}

/** Own writes a client waits for the confirmation of. */
const WAITING_MAX = 4096;

/**
 * Read your writes and monotonic reads: a snapshot is not older than what the same client already received, its own
 * confirmed writes and earlier snapshots included. The evidence is the client's own: a snapshot that ends with an
 * author's write is stale when a later one of that author is known; where the room has one order, also when something
 * was received after it. Confirmations and snapshots may overtake broadcasts of earlier writes, so they count for the
 * first rule only. Servers' numbers, when they are there, decide alone.
 */
export function createGuarantees(options: { run: string; orderModel: OrderModel }): Checker {
  const tally = createTally("guarantees");
  const clients = new Map<number, Knowledge>();
  const waiting = new Map<string, Marker>();

  const of = (client: number): Knowledge => {
    let knowledge = clients.get(client);
    if (knowledge === undefined)
      clients.set(client, (knowledge = { count: 0, latest: undefined, received: new Map(), floor: new Map(), position: undefined }));
    return knowledge;
  };
  const learn = (observation: Observation, marker: Marker | undefined, place: number | undefined): void => {
    const knowledge = of(observation.client);
    const { atMs } = observation;
    if (place !== undefined && place >= (knowledge.position?.at ?? -Infinity)) knowledge.position = { at: place, atMs };
    if (marker === undefined || marker.run !== options.run || !marker.intact) return;
    const { author, n } = marker;
    if (n > (knowledge.floor.get(author)?.n ?? 0)) knowledge.floor.set(author, { n, atMs });
    if (observation.kind !== "delivered" || n <= (knowledge.received.get(author)?.n ?? 0)) return;
    knowledge.count += 1;
    knowledge.latest = { author, n, atMs };
    knowledge.received.set(author, { n, count: knowledge.count });
  };
  /** What the client knew that the state ending with `marker` cannot hold yet. */
  const newer = (knowledge: Knowledge, { author, n }: Marker): { name: string; atMs: number } | undefined => {
    const floor = knowledge.floor.get(author);
    if (floor !== undefined && floor.n > n) return { name: keyOf({ author, n: floor.n }), atMs: floor.atMs };
    const { latest } = knowledge;
    const received = knowledge.received.get(author);
    if (options.orderModel === "perAuthor" || latest === undefined || received?.n !== n || received.count === knowledge.count)
      return undefined;
    return { name: keyOf(latest), atMs: latest.atMs };
  };
  const snapshot = (observation: Observation & { kind: "snapshot" }): void => {
    const knowledge = of(observation.client);
    const { marker, position: place, client, room, atMs } = observation;
    const stale = (expected: string, seen: string, knownMs: number): void =>
      tally.broke({
        reason: "stale",
        room,
        client,
        expected,
        seen,
        witness: [toClient(knownMs, client, expected), bad(toClient(atMs, client, `state ${seen}`))],
      });
    if (place !== undefined && knowledge.position !== undefined) {
      tally.judged();
      const { at, atMs: knownMs } = knowledge.position;
      if (place < at) stale(`at position ${at} or later`, `at position ${place}`, knownMs);
    } else if (place === undefined && marker !== undefined && marker.intact && marker.run === options.run && knowledge.floor.size > 0) {
      tally.judged();
      const missed = newer(knowledge, marker);
      if (missed !== undefined) stale(`with ${missed.name}`, `as of ${keyOf(marker)}`, missed.atMs);
    }
    learn(observation, marker, place);
  };

  return {
    property: "guarantees",
    observe: (observation) => {
      if (observation.kind === "invoked" && observation.act === "write" && observation.marker !== undefined) {
        waiting.set(`${observation.client}/${observation.op}`, observation.marker);
        if (waiting.size > WAITING_MAX)
          for (const oldest of waiting.keys())
            if (waiting.size > WAITING_MAX) waiting.delete(oldest);
            else break;
      } else if (observation.kind === "accepted") {
        const key = `${observation.client}/${observation.op}`;
        learn(observation, waiting.get(key), observation.position);
        waiting.delete(key);
      } else if (observation.kind === "rejected" && observation.op !== undefined) {
        waiting.delete(`${observation.client}/${observation.op}`);
      } else if (observation.kind === "delivered") {
        learn(observation, observation.marker, observation.position);
      } else if (observation.kind === "snapshot") snapshot(observation);
    },
    finish: () => tally.outcome(),
  };
}
