import { requirementId } from "../../../core/ids.ts";
import type { Requirement } from "../../../core/requirement.ts";

const SOURCE = "realtime-pm, Architecture › ";

type Entry = Omit<Requirement, "id" | "source"> & { readonly source: string };

function entry(id: string, { source, ...rest }: Entry): Requirement {
  return { id: requirementId(id), ...rest, source: SOURCE + source };
}

/** Sessions, order and convergence. */
export const editing: readonly Requirement[] = [
  entry("STEP-SESS-01", {
    level: "MUST",
    category: "session",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "A client connects, then sends `join` with its id, optional presence and timestamp.",
    check: "join: no error, state arrives; also without presence; a join with presence makes it visible to others at once (S-7).",
    source: "Data Flow › Connection Management 2; Message Types › Join Messages",
  }),
  entry("STEP-SESS-02", {
    level: "MUST",
    category: "session",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "The server answers a join with the current state: document, version, who is present.",
    check:
      "after 50 steps and 3 present users a newcomer gets, within 2 s, a document equal to the others', the version, those 3 presences. New room: empty valid document, version 0, nobody.",
    source: "Data Flow › Connection Management 3",
  }),
  entry("STEP-SESS-03", {
    level: "MUST",
    category: "session",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "`leave` ends membership: others are told; the one who left receives nothing more of the room and can not write to it.",
    check: "B leaves, socket open: A sees `leave` for B once within 2 s; A's steps do not reach B; B's steps are refused.",
    source: "Message Types › Leave Messages; Security › Room isolation",
  }),
  entry("STEP-SESS-04", {
    level: "MUST",
    category: "session",
    part: "server",
    reach: "wire+clock",
    basis: "stated",
    statement: "Loss of the connection without a leave ends the session too; others learn of it as of a leave.",
    check:
      "B's connection is (a) closed, (b) reset, (c) frozen; A gets `leave` for B: (a), (b) ≤ 5 s, (c) as S-18, ≤ `silentMs` + 10 s; B is gone from what a newcomer gets.",
    source: 'PresenceStore, "User join/leave notifications"; RealtimeServer, "User session tracking"',
  }),
  entry("STEP-SESS-05", {
    level: "SHOULD",
    category: "session",
    part: "client",
    reach: "client",
    basis: "stated",
    statement: "The client joins by itself on connect and reconnect and leaves on close.",
    check:
      "With a client driver: fixture server logs: `join` first after each open, `leave` on `disconnect()`, no `steps` before the state has come.",
    source: 'RealtimeClient, "Automatic room joining/leaving"',
    noCase: { kind: "client-only", because: "It is judged of a client that the harness drives; a server under test has no part in it." },
    noMutant: { kind: "client-only", because: "No fault of a server can break it." },
  }),
  entry("STEP-SESS-06", {
    level: "MAY",
    category: "session",
    part: "client",
    reach: "client",
    basis: "stated",
    statement: "Apps on the Tiptap extension and on the core client work in one room.",
    check: "With a client driver: one of each kind in a room; rerun CONV-01 and PRES-01 between them.",
    source: "System Architecture",
    noCase: { kind: "client-only", because: "It is judged of a client that the harness drives; a server under test has no part in it." },
    noMutant: { kind: "client-only", because: "No fault of a server can break it." },
  }),
  entry("STEP-ORD-01", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "The server settles one order of steps per room; every member receives accepted steps in it.",
    check:
      "10 writers, 2000 steps; the sequence of (version, steps) is equal at all members, own batches put in at their `ack`; 0 inversions.",
    source: 'RealtimeServer, "Step ordering and validation"',
  }),
  entry("STEP-ORD-02", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "Versions never jump, repeat or go back; batches join without a gap.",
    check: "batches of 1, 2, 10, 100; at each member `version − steps.length` = the version held before; `ack.version` fits in.",
    source: 'Message Types › Step Messages, "Document version number"',
  }),
  entry("STEP-ORD-03", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "Steps made against an old version are not applied as they are; there is a conflict resolution that the sender can follow.",
    check:
      "A and B send at one version in one tick: exactly one accepted as is; the other refused (or rebased by the server) and supplied, before or after, with what it needs; nothing half applied; rebased and sent again: accepted, within 2 s.",
    source: 'RealtimeServer, "Step broadcasting and conflict resolution"',
  }),
  entry("STEP-ORD-04", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "A version that is no count the server has reached (future, negative, fraction, text, absent) is refused.",
    check: "send each (absent in `documented` only); error; document and version unchanged at all members.",
    source: "Security › Input validation; Step Messages",
  }),
  entry("STEP-ORD-05", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "A batch is applied wholly or not at all, in its inner order, and passed on as one.",
    check:
      "a batch of 10, the 7th invalid: nothing applied, version stands. A good one: receivers get its 10 in one message or in consecutive ones with right versions.",
    source: 'Data Flow › Step Synchronization 3; Step Codecs, "Step integrity validation"',
  }),
  entry("STEP-ORD-06", {
    level: "MUST",
    category: "ordering",
    part: "client",
    reach: "client",
    basis: "stated",
    statement: "The client queues local steps while earlier ones are unconfirmed and rebases them when foreign steps come first.",
    check:
      "With a client driver: fixture delays `ack` 500 ms and inserts foreign steps; the next message is at the new version with mapped positions; at most one unconfirmed batch in flight.",
    source: 'RealtimeClient, "Step queuing and conflict resolution"',
    noCase: { kind: "client-only", because: "It is judged of a client that the harness drives; a server under test has no part in it." },
    noMutant: { kind: "client-only", because: "No fault of a server can break it." },
  }),
  entry("STEP-CONV-01", {
    level: "MUST",
    category: "convergence",
    part: "both",
    reach: "wire",
    basis: "stated",
    statement: "After editing stops, all members and the server hold the same document.",
    check:
      "10 clients edit at random for 60 s (inserts, deletes, splits, marks, wraps as the schema allows), quiesce; canonical documents of all, of a newcomer, and of a replay of accepted steps from version 0 are equal. Driver: `state()` of the client under test too.",
    source: 'Data Flow › Step Synchronization; RealtimeServer, "Document version control"',
  }),
  entry("STEP-CONV-02", {
    level: "MUST",
    category: "convergence",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Accepted steps go to all other users of the room, each once, and not back to the sender.",
    check:
      "N members with a socket each; per accepted message exactly N−1 deliveries as `steps`; the sender gets its `ack` and no `steps`.",
    source: 'Data Flow › Step Synchronization 4, "all other users in room"',
  }),
  entry("STEP-CONV-03", {
    level: "MUST",
    category: "convergence",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "The server applies steps to its own authoritative document; it is no mere relay.",
    check:
      "all leave; a newcomer gets the edited document. A well-formed step that does not fit (past the end, against the schema) is refused.",
    source: "Data Flow › Step Synchronization 3",
  }),
  entry("STEP-CONV-04", {
    level: "MUST",
    category: "convergence",
    part: "both",
    reach: "wire",
    basis: "implied",
    statement: "No accepted input is lost or doubled by rebasing.",
    check:
      "clients insert unique markers only; at the end each marker whose batch was acked is in the document exactly once. Driver: the same for the client under test.",
    source: "Data Flow › Step Synchronization",
  }),
  entry("STEP-CONV-05", {
    level: "MUST",
    category: "convergence",
    part: "both",
    reach: "wire",
    basis: "stated",
    statement: "All step kinds pass the codec unchanged.",
    check:
      "every kind of 2.1 that the schema allows, with surrogate pairs, combining marks, right-to-left text, empty slices, open depths; the receiver's steps equal the sender's by the schema's own equality (read both with `Step.fromJSON`; defaults may be added or left out). Driver: the client sends and applies them alike.",
    source: "Step Codecs",
  }),
];
