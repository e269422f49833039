import { type Fields, isFields } from "../../json.ts";
import { applySteps, flaw } from "../document.ts";
import type { AnyRoom, Faults } from "../faults.ts";
import type { History, Steps } from "../../messages.ts";
import { broadcastWhen, type Faulty, fieldOf, firstOf } from "./fault.ts";

/** Faults of versions, batches and deliveries. Rooms of one size are one case's: each fault acts where one check looks. */
export const writing: Readonly<Record<string, Faulty>> = {
  "swaps-batches-for-one-member": () => {
    const held = new WeakMap<AnyRoom, Steps & { readonly version: number }>();
    const done = new WeakSet<AnyRoom>();
    return {
      broadcast: (message, room, index) => {
        if (room.members.size !== 10 || index !== 0) return [message];
        // Its own batches are confirmed, not told: the first from the twentieth on that it is told.
        if (room.batches >= 20 && !done.has(room)) {
          done.add(room);
          held.set(room, message);
          return [];
        }
        const late = held.get(room);
        held.delete(room);
        return late === undefined ? [message] : [message, late];
      },
    };
  },
  "version-skips": broadcastWhen(
    (message, room) => message.steps.length === 100 && room.members.size === 3,
    (message) => [{ ...message, version: message.version + 1 }],
  ),
  "applies-old-steps": () => ({
    version: (version, room, message) => {
      const isOld = version === room.version - 1 && room.version === 2 && room.batches === 2 && message.steps.length === 1;
      return isOld && room.members.size === 2 ? room.version : version;
    },
  }),
  "takes-future-version": () => ({ version: (version, room) => (version > room.version ? room.version : version) }),
  "rounds-version": () => ({ version: (version) => Math.floor(version) }),
  "takes-part-of-batch": () => ({
    applied: (applied, room, steps, schema) =>
      !applied.ok && applied.index === 6 && steps.length === 10 ? applySteps(schema, room.doc, steps.slice(0, 6)) : applied,
  }),
  "turns-batch-round": broadcastWhen(
    (message, room) => message.steps.length === 10 && message.version === 11 && room.members.size === 2,
    (message) => [{ ...message, steps: [...message.steps].reverse() }],
  ),
  "shows-other-document": () => {
    let asked = 0;
    return {
      snapshot: (snapshot, room, why) => {
        if (why !== "request" || room.authors.size < 10) return snapshot;
        asked += 1;
        const doc = snapshot.doc as Fields;
        const content = Array.isArray(doc["content"]) ? doc["content"] : [];
        const drift = { type: "paragraph", content: [{ type: "text", text: "drift" }] };
        return asked % 2 === 0 ? { ...snapshot, doc: { ...doc, content: [...content, drift] } } : snapshot;
      },
    };
  },
  "drops-delivery-to-one-member": broadcastWhen(
    (_message, room, index) => room.members.size === 5 && room.batches === 3 && index === 4,
    () => [],
  ),
  "doubles-broadcast": broadcastWhen(
    (_message, room) => room.members.size === 5 && room.batches === 3,
    (message) => [message, message],
  ),
  "echoes-to-author": () => ({ echoes: (room) => room.members.size === 5 }),
  "forgets-empty-room": () => ({ forgetsEmptyRoom: true }),
  "passes-on-what-does-not-fit": () => ({
    applied: (applied, room, steps) =>
      !applied.ok && steps.length === 1 && flaw(steps[0] ?? null, room.doc.content.size) === undefined
        ? { ok: true, doc: room.doc, steps }
        : applied,
  }),
  "confirms-and-forgets": () => ({
    applied: (applied, room, steps) => (room.members.size === 7 && room.batches === 10 ? { ok: true, doc: room.doc, steps } : applied),
  }),
  "applies-batch-twice": () => ({ again: (room, steps) => (room.members.size === 7 && room.batches === 10 ? steps : []) }),
  "changes-attribute": broadcastWhen(
    (message) => firstOf(message.steps)["stepType"] === "attr",
    (message) => [
      {
        ...message,
        steps: message.steps.map((step) => (isFields(step) ? { ...step, value: `${String(fieldOf(step, "value"))}!` } : step)),
      },
    ],
  ),
  "takes-range-from-behind": () => ({ steps: (steps) => steps.map(ordered) }),
  "slow-broadcast": () => ({ broadcastDelayMs: (room) => (room.members.size === 8 ? 180 : 0) }),
  "slow-batches": () => ({
    batchDelayMs: (steps, room) => (steps.length === 120 || (steps.length === 50 && room.members.size >= 10) ? 250 : 0),
  }),
  "history-lacks-last-step": () => ({
    history: (history) => (history.fromVersion === 1 && history.steps.length < 4 ? lacksLast(history) : history),
  }),
  "stale-after-long-absence": () => ({
    snapshot: (snapshot, _room, why) =>
      why === "join" && snapshot.version > 15_000 ? { ...snapshot, version: snapshot.version - 1 } : snapshot,
  }),
  "newcomer-gets-old-document": () => ({
    snapshot: (snapshot, room, why) =>
      why === "join" && snapshot.version === 50 && room.members.size >= 4 ? { ...snapshot, version: snapshot.version - 1 } : snapshot,
  }),
  "counts-slow-readers-in": () => ({ waitsForSlow: true }) satisfies Partial<Faults>,
};

function lacksLast(history: History): History {
  const { steps, userIds, ...rest } = history;
  return { ...rest, steps: steps.slice(0, -1), ...(userIds === undefined ? {} : { userIds: userIds.slice(0, -1) }) };
}

function ordered<T>(step: T): T {
  if (!isFields(step)) return step;
  const [from, to] = [step["from"], step["to"]];
  return typeof from === "number" && typeof to === "number" && from > to ? { ...step, from: to, to: from } : step;
}
