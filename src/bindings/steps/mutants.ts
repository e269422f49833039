import type { Mutant } from "../../core/binding.ts";
import { type RequirementId, requirementId } from "../../core/ids.ts";
import type { Reason } from "../../core/reason.ts";

/** `CONV-04 lost`: an id without its system, and the reason. */
type Breaking = `${string} ${Reason}`;

function broken(text: Breaking): { readonly id: RequirementId; readonly reason: Reason } {
  const [id, reason] = text.split(" ");
  return { id: requirementId(`STEP-${id}`), reason: reason as Reason };
}

function mutant(id: string, breaks: Breaking | readonly Breaking[], summary: string, also?: readonly Breaking[]): Mutant {
  return {
    id,
    summary,
    breaks: (typeof breaks === "string" ? [breaks] : breaks).map(broken),
    ...(also === undefined ? {} : { also: also.map(broken) }),
  };
}

/**
 * Faults of the reference server, one each. They act only where a check looks at what they break, so that everything else
 * stays as on the pristine server; the behaviour is in `reference/faulty/`.
 */
export const mutants: readonly Mutant[] = [
  mutant("drops-presence-of-join", "SESS-01 absent", "The presence that a join gives is not told to the others."),
  mutant("newcomer-gets-old-document", "SESS-02 stale", "Who joins a room at version 50 is told 49."),
  mutant("newcomer-misses-one-present", "SESS-02 absent", "One of four present users is left out of what a newcomer is told."),
  mutant("leaver-hears-on", "SESS-03 leaked", "Who has left still gets the room's steps."),
  mutant(
    "takes-writes-of-strangers",
    ["SESS-03 not-refused", "ISO-01 not-refused"],
    "Steps of a socket that is not in the room are taken.",
  ),
  mutant("reset-is-not-told", "SESS-04 ghost", "A connection that breaks without a close is not told as a leave."),
  mutant("frozen-member-stays", ["SESS-04 ghost", "HB-01 ghost"], "Silence never ends a membership."),
  mutant("idle-member-is-dropped", "HB-01 early", "A member that does nothing but answer pings is dropped."),
  mutant("swaps-batches-for-one-member", "ORD-01 disordered", "In a room of ten, one member gets two batches in the other order.", [
    "CONV-01 diverged",
  ]),
  mutant("version-skips", "ORD-02 miscounted", "A batch of a hundred is passed on at a version one too high."),
  mutant("applies-old-steps", "ORD-03 not-refused", "Steps against the version before are applied as they are."),
  mutant("takes-future-version", "ORD-04 not-refused", "A version that the room has not reached is taken for the present one."),
  mutant("rounds-version", "ORD-04 not-refused", "A fractional version is rounded down."),
  mutant("takes-part-of-batch", "ORD-05 not-refused", "Of a batch with a bad step, those before it are applied."),
  mutant("turns-batch-round", "ORD-05 disordered", "A batch of ten is passed on from its end."),
  mutant(
    "shows-other-document",
    "CONV-01 diverged",
    "Where ten or more have written, every other document on request has a paragraph too many.",
  ),
  mutant("drops-delivery-to-one-member", "CONV-02 lost", "The third batch in a room of five does not reach its newest member."),
  mutant("doubles-broadcast", "CONV-02 doubled", "The third batch in a room of five is broadcast twice."),
  mutant("echoes-to-author", "CONV-02 doubled", "In a room of five an author gets its own steps as well."),
  mutant("forgets-empty-room", "CONV-03 lost", "A document goes with its last member."),
  mutant(
    "passes-on-what-does-not-fit",
    ["CONV-03 not-refused", "ERR-02 not-refused"],
    "Steps that do not fit the document are passed on all the same.",
  ),
  mutant("confirms-and-forgets", "CONV-04 lost", "In a room of seven one batch is confirmed and passed on, but not applied."),
  mutant("applies-batch-twice", "CONV-04 doubled", "In a room of seven one batch is applied twice."),
  mutant("changes-attribute", "CONV-05 damaged", "The value of an attribute step is changed on the way."),
  mutant("one-member-misses-presence", "PRES-01 lost", "In a room of three the newest member is not told of moves."),
  mutant("presence-comes-back", "PRES-01 leaked", "In a room of three a move is told to its user, too."),
  mutant("turns-selection", "PRES-02 damaged", "A backward selection is turned forward."),
  mutant("drops-coordinates", "PRES-02 damaged", "Screen coordinates of a cursor are left out."),
  mutant("join-is-told-twice", "PRES-03 doubled", "Every join is told twice.", ["PRES-03 disordered"]),
  mutant("join-is-not-told", ["PRES-03 silent", "SESS-01 absent"], "Joins are not told.", ["PRES-03 disordered"]),
  mutant("sends-everybody", "PRES-04 over-limit", "In large rooms each move brings everybody's presence."),
  mutant("presence-expires", "PRES-05 absent", "A presence that is not set again is forgotten after 50 s."),
  mutant("takes-any-presence", "PRES-07 over-limit", "Presence of any size is taken and passed on."),
  mutant("slow-broadcast", "LAT-02 late", "In a room of eight steps are passed on 180 ms late."),
  mutant("history-lacks-last-step", "RES-03 lost", "A short history lacks its last step."),
  mutant("stale-after-long-absence", "RES-03 stale", "Who missed over 15,000 steps is told the version before."),
  mutant("leaks-between-rooms", "ISO-01 foreign", "Of two rooms of four writers one hears the steps of the other."),
  mutant("named-room-redirects", "ISO-02 foreign", "A room named inside of a message is where its steps go.", ["ISO-02 leaked"]),
  mutant("error-lacks-text", "ERR-01 malformed", "Errors for bad versions have no text."),
  mutant("one-code-for-all", "ERR-01 wrong-refusal", "All errors but version_mismatch have one code."),
  mutant("takes-range-from-behind", "ERR-02 not-refused", "A range whose end comes before its start is turned round."),
  mutant("bad-step-is-silent", ["ERR-02 silent", "CONV-03 silent"], "Steps that do not fit are dropped without a word."),
  mutant("bad-frame-is-silent", "ERR-03 silent", "Text that is no message is dropped without a word."),
  mutant("binary-frame-closes", "ERR-03 closed", "A binary frame ends its connection."),
  mutant("trusts-clocks", "ROB-01 silent", "Steps with a timestamp over an hour old are dropped."),
  mutant("counts-slow-readers-in", "ROB-02 late", "Steps are passed on once the slowest reader has read."),
  mutant("slow-batches", "CAP-01 late", "Large batches wait 250 ms."),
  mutant(
    "serves-rooms-of-others",
    "CAP-03 diverged",
    "A server that has a part of all rooms serves those of others too, in copies of its own.",
  ),
  mutant("acts-in-any-name", "SEC-01 not-refused", "The id in a message counts, not that of the join."),
  mutant("prototype-spreads", "SEC-03 leaked", "A key of the prototype in one presence shows in everybody's."),
];
