import type { Mutant } from "../../core/binding.ts";
import { type RequirementId, requirementId } from "../../core/ids.ts";
import type { Reason } from "../../core/reason.ts";

/** `CONV-04 lost`: an id without its system, and the reason. */
type Breaking = `${string} ${Reason}`;

function broken(text: Breaking): { readonly id: RequirementId; readonly reason: Reason } {
  const [id, reason] = text.split(" ");
  return { id: requirementId(`JAZZ-${id}`), reason: reason as Reason };
}

/** `env`: where the published relay breaks the same requirement by itself, the fault is shown beside our own. */
function mutant(id: string, breaks: Breaking, summary: string, also: readonly Breaking[] = [], env?: Mutant["env"]): Mutant {
  return {
    ...(env === undefined ? {} : { env }),
    id,
    summary,
    breaks: [broken(breaks)],
    ...(also.length === 0 ? {} : { also: also.map(broken) }),
  };
}

/** The relay of these is our own, made of the library's node: the published one cannot be made to err. */
const RELAY: readonly Mutant[] = [
  mutant("relay-believes-all", "AUTH-01 not-refused", "Signatures and header hashes are not verified."),
  mutant("relay-sends-binary", "SESS-01 malformed", "A sign of life comes in a binary frame."),
  mutant(
    "relay-forgets-part-of-long-log",
    "ORD-01 disordered",
    "In a log of ten sessions or more, the newest follower gets nothing beyond 500 entries.",
  ),
  mutant("late-loader-misses-ties", "ORD-02 lost", "Who loads a log of five sessions late misses one of them."),
  mutant("old-entries-stay-behind", "ORD-03 lost", "The 21st entry of a log of three sessions is lost.", ["CAP-03 diverged"]),
  mutant("one-device-an-account", "ORD-04 lost", "Of an account's second device nothing is taken in a feed that its first has written to."),
  mutant("relay-forgets-who-waits", "ORD-05 lost", "Who loaded a value before it came is not told when it comes.", [
    "ROB-02 lost",
    "CAP-03 diverged",
    "RES-05 lost",
  ]),
  mutant("relay-drops-empty-map", "ORD-06 lost", "Of a client's maps without content all but the first are dropped."),
  mutant("relay-drops-large", "CONV-01 lost", "The newest follower gets no transaction of over 60,000 characters.", ["CONV-01 damaged"]),
  mutant("relay-drops-second-edit", "CONV-02 lost", "The newest follower misses the third entry of a feed of three sessions.", [
    "CONV-03 diverged",
    "CONV-03 lost",
    "RES-12 lost",
    "RES-12 diverged",
    "CONV-06 ghost",
    "CONV-08 diverged",
    "CAP-03 diverged",
  ]),
  mutant("relay-drops-late-addition", "CONV-03 lost", "The newest follower of a list gets nothing beyond 100 additions.", [
    "CONV-03 diverged",
  ]),
  mutant(
    "relay-drops-reply-edit",
    "CONV-04 lost",
    "Of a feed of two sessions with two entries and one the newest follower misses the last.",
    ["CONV-08 diverged", "CAP-03 diverged"],
  ),
  mutant("relay-drops-deletion", "CONV-06 ghost", "The newest follower misses a deletion that is the third entry of its feed.", [
    "CONV-08 diverged",
    "CONV-08 ghost",
    "RES-12 ghost",
    "RES-12 diverged",
    "CAP-03 diverged",
  ]),
  mutant("relay-drops-second-deletion", "CONV-08 diverged", "The newest follower misses a deletion that is the fifth entry of its feed.", [
    "CAP-03 diverged",
  ]),
  mutant("relay-drops-reaction", "CONV-09 lost", "The newest follower misses reactions to a message that eight or more have touched.", [
    "CAP-03 diverged",
  ]),
  mutant("relay-tells-all", "ISO-01 leaked", "Content goes to every socket, asked for or not."),
  mutant("relay-is-slow", "LAT-01 late", "Content goes out 400 ms late."),
  mutant("relay-cuts-long-batches", "RES-07 lost", "A content of over 60 transactions at once is lost.", [
    "RES-07 diverged",
    "RES-07 doubled",
  ]),
  mutant("relay-forgets-at-restart", "RES-10 lost", "What was confirmed is kept in memory only."),
  mutant("relay-ignores-who-returns", "RES-12 lost", "Entries of a session that comes on another socket than before are dropped.", [
    "RES-12 diverged",
    "RES-07 lost",
    "RES-07 diverged",
    "ORD-03 lost",
    "CAP-03 diverged",
  ]),
  mutant("bad-frame-closes-all", "ROB-01 closed", "A frame that is no message closes all other sockets.", ["ROB-01 lost"]),
  mutant("relay-never-corrects", "ROB-02 silent", "Of transactions beyond what is held nothing is said."),
  mutant(
    "relay-drops-under-load",
    "CAP-03 diverged",
    "In a log of 15 sessions or more the newest follower gets nothing beyond 150 entries.",
    ["CAP-03 lost"],
  ),
  mutant("relay-adds-temporary-id", "SEC-01 leaked", "Contents carry a temporary id."),
];

const HUB: readonly Mutant[] = [
  mutant("hub-skips-proof", "AUTH-01 not-refused", "Whoever says hello is believed.", ["AUTH-01 leaked"], { RELAY: "own" }),
  mutant("hub-rewrites-date", "SESS-02 damaged", "The date of a hint is a millisecond off."),
  mutant("hub-skips-membership", "ISO-01 not-refused", "Who has no role in a space may enter it."),
  mutant("hub-leaks-spaces", "ISO-01 leaked", "Broadcasts reach all spaces."),
  mutant("hub-echoes-typing", "PRES-01 leaked", "The sending socket gets its own broadcast."),
  mutant("hub-loses-thread", "PRES-01 damaged", "Typing comes without its thread."),
  mutant("hub-keeps-typing", "PRES-02 ghost", "Typing of one who fell silent never ends."),
  mutant("hub-keeps-presence", "PRES-03 absent", "Nobody is told that a user has gone.", ["PRES-04 late", "PRES-03 damaged"]),
  mutant("hub-ignores-away", "PRES-03 absent", "Nobody is told that a user is away.", ["PRES-04 absent"]),
  mutant("hub-takes-any-status", "PRES-03 not-refused", "A status that there is not is passed on."),
  mutant("hub-forgets-devices", "PRES-04 early", "A user is offline as soon as one device has gone.", ["PRES-04 absent", "PRES-04 late"]),
  mutant("hub-hides-presence", "PRES-04 absent", "A newcomer learns of nobody."),
  mutant("hub-bad-frame-closes-all", "ROB-01 closed", "An unusable frame at the hub closes all its sockets.", ["ROB-01 lost"]),
];

const NOISE: Mutant["shownBy"] = { scenario: "typing-noise", parameters: { clients: "20", rooms: "4", duration: "15s" } };

/** Too seldom for a case. */
const UNDER_LOAD: readonly Mutant[] = [
  // Typing has no id: the next of the same user may pass for the one that is lost.
  {
    ...mutant("hub-drops-some-typing", "PRES-01 lost", "One of 50 deliveries of typing is lost.", ["PRES-01 late", "PRES-02 ghost"]),
    shownBy: NOISE,
  },
  { ...mutant("hub-changes-some-hints", "SESS-02 damaged", "In one of 20 hints the date is a millisecond off."), shownBy: NOISE },
];

/** Faults of the reference stack, one each; their behaviour is in `reference/`. */
export const mutants: readonly Mutant[] = [...RELAY, ...HUB, ...UNDER_LOAD];
