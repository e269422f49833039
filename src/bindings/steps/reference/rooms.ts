import type { Node, Schema } from "prosemirror-model";
import type { History, RefusalCode, StepJson, Steps, UserPresence } from "../messages.ts";
import { applySteps } from "./document.ts";
import type { Faults } from "./faults.ts";

/** Steps that a room remembers; who missed more gets the document instead (S-4). */
export const HISTORY_STEPS_MAX = 10_000;

/** One user of a room, with as many sockets as it has open. */
export interface Member<Socket> {
  readonly userId: string;
  readonly sockets: Set<Socket>;
  presence: UserPresence | undefined;
  /** Steps of its that were accepted. */
  accepted: number;
}

/** A document and who is in it. Lives while the process lives (S-17). */
export interface Room<Socket> {
  readonly id: string;
  doc: Node;
  version: number;
  /** The latest steps with their authors; the first of them made version `historyFrom + 1`. */
  readonly history: { readonly step: StepJson; readonly userId: string }[];
  historyFrom: number;
  /** In the order in which they came. */
  readonly members: Map<string, Member<Socket>>;
  /** Users whose presence has changed since it was last sent. */
  readonly changed: Set<string>;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Batches taken and refused, for whoever looks at a room's past. */
  batches: number;
  authors: Set<string>;
}

/** What became of a batch. */
export type Taken =
  | { readonly ok: true; readonly steps: readonly StepJson[]; readonly version: number }
  | { readonly ok: false; readonly code: RefusalCode; readonly problem: string };

/** A new room's document: one empty paragraph (S-2). */
export function createRoom<Socket>(id: string, schema: Schema): Room<Socket> {
  return {
    id,
    doc: emptyDoc(schema),
    version: 0,
    history: [],
    historyFrom: 0,
    members: new Map(),
    changed: new Set(),
    timer: undefined,
    batches: 0,
    authors: new Set(),
  };
}

/** The document of a room that nobody has written in. */
export function emptyDoc(schema: Schema): Node {
  return schema.node("doc", null, [schema.node("paragraph")]);
}

/** Takes a batch made against the present version, or says why not; a room is changed wholly or not at all. */
export function take<Socket>(schema: Schema, room: Room<Socket>, message: Steps, faults: Faults): Taken {
  const version = faults.version(message.version ?? room.version, room, message);
  if (!Number.isSafeInteger(version) || version < 0)
    return { ok: false, code: "bad_version", problem: "version must be a whole number of steps" };
  if (version !== room.version) return { ok: false, code: "version_mismatch", problem: `the room is at version ${room.version}` };
  const steps = faults.steps(message.steps, room);
  const applied = faults.applied(applySteps(schema, room.doc, steps), room, steps, schema);
  if (!applied.ok) {
    const problem = `step ${applied.index + 1} of ${steps.length} does not fit the document: ${applied.problem}`;
    return { ok: false, code: "apply_failed", problem: problem.slice(0, 300) };
  }
  room.doc = applied.doc;
  room.version += applied.steps.length;
  room.batches += 1;
  room.authors.add(message.userId);
  for (const step of applied.steps) room.history.push({ step, userId: message.userId });
  const over = room.history.length - HISTORY_STEPS_MAX;
  // Cut now and then only: moving a long list for each batch would cost more than the steps themselves.
  if (over > HISTORY_STEPS_MAX / 10) room.historyFrom += room.history.splice(0, over).length;
  return { ok: true, steps: applied.steps, version: room.version };
}

/** The steps after a version; undefined when they are no longer kept. */
export function historySince<Socket>(room: Room<Socket>, sinceVersion: number): History | undefined {
  if (sinceVersion < Math.max(room.historyFrom, room.version - HISTORY_STEPS_MAX)) return undefined;
  const kept = room.history.slice(sinceVersion - room.historyFrom);
  return {
    type: "history",
    fromVersion: sinceVersion,
    toVersion: room.version,
    steps: kept.map(({ step }) => step),
    userIds: kept.map(({ userId }) => userId),
  };
}
