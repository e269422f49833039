import type { Mutant } from "../../core/binding.ts";
import { type RequirementId, requirementId } from "../../core/ids.ts";
import type { Reason } from "../../core/reason.ts";

/** `CONV-04 lost`: an id without its system, and the reason. */
type Breaking = `${string} ${Reason}`;

function broken(text: Breaking): { readonly id: RequirementId; readonly reason: Reason } {
  const [id, reason] = text.split(" ");
  return { id: requirementId(`PLAY-${id}`), reason: reason as Reason };
}

interface Extra {
  readonly also?: readonly Breaking[];
  readonly shownBy?: Mutant["shownBy"];
  readonly replicas?: number;
}

function mutant(id: string, breaks: Breaking | readonly Breaking[], summary: string, { also, shownBy, replicas }: Extra = {}): Mutant {
  return {
    id,
    summary,
    breaks: (typeof breaks === "string" ? [breaks] : breaks).map(broken),
    ...(also === undefined ? {} : { also: also.map(broken) }),
    ...(shownBy === undefined ? {} : { shownBy }),
    ...(replicas === undefined ? {} : { replicas }),
  };
}

const ROOMS: readonly Mutant[] = [
  mutant("repeats-room-id", "SESS-01 doubled", "Every 300th room of one creator has the id of the one before it."),
  mutant("answers-without-metadata", "SESS-01 malformed", "POST /rooms answers with the id alone."),
  mutant("answers-with-other-metadata", "SESS-05 diverged", "POST /rooms says of a private room made with media that it is public."),
  mutant("first-request-is-lost", "SESS-02 silent", "The first message on the only socket of an unused room is lost."),
  mutant("makes-unknown-room", "SESS-03 not-refused", "Joining an id that never existed makes a room of it.", {
    also: ["SESS-03 ghost", "ROB-02 stale"],
  }),
  mutant("makes-room-of-malformed-id", "SESS-03 not-refused", "Joining an id that is no UUID makes a room of it.", {
    also: ["SESS-03 ghost"],
  }),
  mutant("cut-ends-room", "SESS-04 closed", "When a connection breaks in a room of six or more, all others are put out."),
  mutant("takes-one-too-many", "SESS-05 over-limit", "A room takes one member more than it has places."),
];

const ORDER: readonly Mutant[] = [
  mutant("reorders-between-members", "ORD-01 disordered", "One member gets two updates of two authors in the other order."),
  mutant("reorders-author", "ORD-02 disordered", "Two updates that a user sends back to back are taken in the other order.", {
    also: ["ORD-01 disordered"],
  }),
  mutant("storm-sync-is-stale", "ORD-03 stale", "In a storm of updates, SYNC_REQUEST is answered from a copy up to 100 ms old."),
];

const DELIVERY: readonly Mutant[] = [
  mutant("drops-delivery-to-one-member", "CONV-04 lost", "The third update in a room of five or more does not reach its newest member."),
  mutant("author-misses-first-echo", "CONV-04 lost", "In a room of five or more, a user's first update comes to all but its author."),
  mutant("doubles-broadcast", "CONV-04 doubled", "The third update in a room of five or more is broadcast twice."),
  mutant("does-not-broadcast-empty-update", "CONV-04 lost", "An update that names no field is taken, but nobody hears of it."),
  mutant("leaks-between-rooms", "ISO-01 foreign", "Of two full rooms of four, both in use, one hears updates of the other."),
  mutant("room-id-in-message-redirects", "ISO-01 foreign", "A roomId inside an update sends it to that room."),
  mutant("slow-fan-out", "LAT-01 late", "Every broadcast goes out 260 ms after its update."),
  mutant("one-member-hears-late", "LAT-01 late", "In a room of five or more, one member gets every broadcast 345 ms after the others."),
];

const STATE: readonly Mutant[] = [
  mutant(
    "sync-shows-state-before",
    "CONV-01 stale",
    "After an update of four fields or more, its speed among them, others who ask get the state before it.",
  ),
  mutant("hasty-request-is-unanswered", "CONV-01 silent", "The second of two requests for the state within 250 ms gets no answer."),
  mutant("sync-goes-to-everybody", "CONV-02 leaked", "The answer to one user's SYNC_REQUEST goes to the whole room."),
  mutant("late-joiner-gets-initial-state", "CONV-03 stale", "Who enters after five updates or more gets the state of a fresh room."),
  mutant("fresh-room-has-no-state", "CONV-03 absent", "A room made with media has no playback state until its first update."),
  mutant("broadcast-lacks-field", "CONV-05 absent", "The broadcast of a single-field update lacks playbackSpeed."),
  mutant("merge-loses-field", "CONV-06 diverged", "An update of the speed empties the media type."),
  mutant("pause-forgets-position", "CONV-06 diverged", "A pause that names no position goes back to the start."),
  mutant("update-names-its-author", "CONV-06 not-refused", "An update may set lastUpdatedBy."),
  mutant("simultaneous-update-is-lost", "CONV-07 lost", "Of two users' updates at the same moment, the second undoes the first."),
  mutant(
    "sync-differs-after-storm",
    "CONV-08 diverged",
    "Where over a dozen users wrote, the state on request is not the state broadcast.",
  ),
  mutant("position-stops-while-playing", "CONV-09 stale", "The position of a playing room stands still 2 s after the last update."),
  mutant("position-runs-on-after-pause", "CONV-09 diverged", "The position of a paused room moves on 2 s after the pause."),
  mutant("position-ignores-speed", "CONV-09 diverged", "The position moves as if the speed were 1."),
];

const LIFE: readonly Mutant[] = [
  mutant("heartbeat-is-ignored", "HB-01 early", "HEARTBEAT does not keep a room that was never updated.", {
    also: ["HB-04 early", "HB-04 closed"],
  }),
  mutant("heartbeats-wear-out", "HB-01 early", "After seven heartbeats with nothing else between, further ones do not count."),
  mutant("deletes-too-early", "HB-02 early", "A room that all have left is deleted after 44 s."),
  mutant("open-socket-keeps-room", "HB-02 late", "A room with one open socket is never deleted."),
  mutant("emptied-room-stays", "HB-02 late", "A room that all have left is never deleted."),
  mutant("missed-heartbeat-deletes", "HB-03 early", "A room is deleted 40 s after its last heartbeat."),
  mutant("one-heartbeat-is-not-enough", "HB-04 early", "In a room of five or more, one user's heartbeats alone do not keep it."),
  mutant("updates-do-not-keep", "HB-05 early", "UPDATE_PLAYBACK of a user alone in a room is no activity."),
  mutant("never-joined-room-stays", "HB-06 late", "A room that nobody joined is never deleted.", { also: ["HB-06 leaked"] }),
  mutant("deletes-silently", "HB-07 silent", "The open sockets of a deleted room hear nothing of it."),
  mutant("update-revives-deleted-room", "HB-07 not-refused", "An update on a socket that was left open brings a deleted room back."),
  mutant("kept-room-loses-media", "HB-08 lost", "A room that only heartbeats keep forgets its media after a minute."),
  mutant("kept-room-loses-name", "HB-08 lost", "A room that only heartbeats keep forgets its name after a minute."),
];

const PEOPLE: readonly Mutant[] = [
  mutant("join-is-not-told", "PRES-01 silent", "Nobody but the user itself hears of a join."),
  mutant("counts-one-too-many", "PRES-01 miscounted", "From three members on, memberCount is one too high."),
  mutant("leaver-stays-listed", "PRES-01 ghost", "From the third close on, the user who left last stays in the list of members."),
  mutant("host-is-not-handed-on", "PRES-01 absent", "When the host leaves, the room keeps it as host."),
  mutant("cut-socket-is-never-gone", "RES-01 ghost", "A user whose connection broke is a member for ever."),
  mutant("returning-user-gets-old-state", "RES-01 stale", "Who comes back after a broken connection is told the state at which it left."),
];

const HARDNESS: readonly Mutant[] = [
  mutant("bad-message-is-ignored", "ERR-01 silent", "An unusable message gets no answer."),
  mutant("bad-message-is-told-to-all", "ERR-01 leaked", "The error for one user's unusable message goes to the whole room."),
  mutant("takes-part-of-bad-message", "ERR-01 not-refused", "Of an update with a wrong field, the others are taken.", {
    also: ["ERR-01 silent"],
  }),
  mutant("flood-crashes-server", "ROB-01 crashed", "The 1000th unusable message on a socket ends the process.", {
    also: ["ROB-01 closed", "ROB-02 crashed", "HB-06 crashed"],
  }),
  mutant("flood-closes-room", "ROB-01 closed", "The 1000th unusable message on a socket puts out the whole room."),
  mutant("flood-starves-room", "ROB-01 lost", "Once a room has had 3000 unusable messages, updates wait 30 s for their turn."),
  mutant("flood-loses-updates", "ROB-01 lost", "Once a room has had 3000 unusable messages, every fifth update is lost."),
  mutant("is-silent-after-restart", "ROB-02 silent", "After a restart, joins to rooms of before are left without an answer."),
];

/** Of two servers that share their rooms. */
const SHARED: readonly Mutant[] = [
  mutant("no-redis-fanout", "CAP-02 lost", "Members of a large room hear of updates only from authors at their own server.", {
    replicas: 2,
    also: ["CONV-04 lost", "CONV-08 diverged"],
  }),
  mutant(
    "reorders-across-replicas",
    "CAP-02 disordered",
    "Members at one server hear two updates in another order than those at the other.",
    {
      replicas: 2,
      also: ["ORD-01 disordered", "ORD-03 stale"],
    },
  ),
  mutant(
    "writes-back-whole-state",
    "CONV-07 lost",
    "A server reads the state, merges, and writes it back whole; another may come between.",
    {
      replicas: 2,
    },
  ),
];

/** 200,000 deliveries in 10 s: enough for two of those that come once in 100,000. */
const PARTY = { scenario: "watch-party", parameters: { clients: "1000", rooms: "100", rate: "2", duration: "10s" } } as const;
const SMALL_PARTY = { scenario: "watch-party", parameters: { clients: "100", rooms: "10", rate: "1", duration: "10s" } } as const;
const SHARDED_PARTY = {
  scenario: "watch-party",
  parameters: { clients: "45", rooms: "3", rate: "2", duration: "10s", ramp: "2s", shards: "3" },
} as const;

const LOAD: readonly Mutant[] = [
  mutant("drops-one-in-100000", "CONV-04 lost", "One delivery in 100,000 is lost.", { shownBy: PARTY }),
  mutant("swaps-one-pair-in-100000", "ORD-01 disordered", "One pair of deliveries in 100,000 comes in the other order.", {
    shownBy: PARTY,
  }),
  mutant(
    "reorders-between-shards",
    "ORD-01 disordered",
    "Members that come from every other network get pairs of updates in the other order.",
    {
      shownBy: SHARDED_PARTY,
    },
  ),
  mutant("stalls-one-second", "LAT-01 late", "The server stands still for one second, once.", { shownBy: SMALL_PARTY }),
];

/**
 * Faults of the reference server, one each. They act only where a check looks at what they break, so that everything
 * else stays as on the pristine server; the behaviour is in `reference/faulty/`.
 */
export const mutants: readonly Mutant[] = [...ROOMS, ...ORDER, ...DELIVERY, ...STATE, ...LIFE, ...PEOPLE, ...HARDNESS, ...SHARED, ...LOAD];
