import { requirementId } from "../../core/ids.ts";
import type { Requirement } from "../../core/requirement.ts";

const HOW = "roomy-backend README › How It Works?";
const INTRO = "roomy-backend README › intro";

type Entry = Omit<Requirement, "id" | "part"> & { readonly part?: Requirement["part"] };

/** Most entries are the server's alone. */
function entry(id: string, { part = "server", ...rest }: Entry): Requirement {
  return { id: requirementId(id), part, ...rest };
}

/** Position tolerance of a playing room: 500 ms. */
const POSITION = "while playing the position may be 500 ms off";

const SESSION: readonly Requirement[] = [
  entry("PLAY-SESS-01", {
    level: "MUST",
    category: "session",
    reach: "wire",
    basis: "stated",
    statement: "`POST /rooms` creates a room and answers with its id and its metadata.",
    check:
      "POST a room: the answer is 2xx, JSON, with a non-empty `roomId` and at least one further field. 1000 creations give 1000 different ids that are safe in a URL path.",
    source: `${HOW}, first paragraph`,
  }),
  entry("PLAY-SESS-02", {
    level: "MUST",
    category: "session",
    reach: "wire",
    basis: "stated",
    statement: "A room is joined by opening a WebSocket at `/rooms/:roomId/ws`.",
    check:
      "An upgrade with a fresh id gives 101 within 5 s, and the socket is usable at once: a `SYNC_REQUEST` as the first act after opening is answered.",
    source: `${HOW}, first paragraph`,
  }),
  entry("PLAY-SESS-03", {
    level: "MUST",
    category: "session",
    reach: "wire+clock",
    basis: "implied",
    statement: "Joining a room that never existed, was deleted, or has a malformed id is refused and does not create it.",
    check:
      "Try a random UUID, an id of 10 kB, an empty id, `../` (the last two by a raw request line, since URL libraries tidy them away) and, after a wait, the id of an expired room (needs `longWaits`). Each is refused within 5 s: a 4xx before the upgrade, or an error frame, a close or both after it. A second try with the same id is refused too, and `GET /rooms` does not list it (needs `roomList`).",
    source: HOW,
  }),
  entry("PLAY-SESS-04", {
    level: "MUST",
    category: "session",
    reach: "wire",
    basis: "stated",
    statement: "Many users are in one room at once; one user's leaving does not end it for the others.",
    check: "10 users join, 5 go (2 of them without a close frame), one of the rest updates; the other 4 receive it.",
    source: INTRO,
  }),
  entry("PLAY-SESS-05", {
    level: "SHOULD",
    category: "session",
    reach: "wire",
    basis: "implied",
    statement: "What the create call returned agrees with what the room later says of itself.",
    check:
      "Every field shared by the answer to the POST and `SYNC_FULL_STATE` is equal; connecting needs the id only; `maxParticipants` holds (needs `capacityLimit`): with more users than places the surplus is refused.",
    source: `${HOW}, "With the room ID and metadata"`,
  }),
];

const ORDERING: readonly Requirement[] = [
  entry("PLAY-ORD-01", {
    level: "MUST",
    category: "ordering",
    reach: "wire",
    basis: "implied",
    statement: "All users see the updates in the same order.",
    check:
      "10 users send 100 marked updates each; the `PLAYBACK_UPDATED` sequences of all sockets are compared: no inversion. With `echoToSender` off a socket's own updates are left out of its comparison.",
    source: `${HOW}, "to all users"`,
  }),
  entry("PLAY-ORD-02", {
    level: "MUST",
    category: "ordering",
    reach: "wire",
    basis: "implied",
    statement: "Updates of one user are applied in the order sent, also back to back.",
    check: "Send `currentTime` 1 to 200 without waiting, paused: receivers see ascending values and the final state is 200.",
    source: HOW,
  }),
  entry("PLAY-ORD-03", {
    level: "SHOULD",
    category: "ordering",
    reach: "wire",
    basis: "inferred",
    statement: "A `SYNC_FULL_STATE` is not older than a broadcast the same socket already received.",
    check: "Ask all the time during a storm of updates; the marker in the answer never goes back against broadcasts on that socket.",
    source: HOW,
  }),
];

const CONVERGENCE: readonly Requirement[] = [
  entry("PLAY-CONV-01", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "stated",
    statement: "`SYNC_REQUEST` is answered with `SYNC_FULL_STATE` holding the room's current state.",
    check: `Set a known state, ask from another socket and compare every field (${POSITION}). Ask 3 times: 3 answers, each within 2 s.`,
    source: `${HOW}, SYNC_REQUEST`,
  }),
  entry("PLAY-CONV-02", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "implied",
    statement: "The full state goes to the one who asked, not to everybody.",
    check: "Two users idle, a third asks: no `SYNC_FULL_STATE` at the idle ones in 2 s.",
    source: `${HOW}, SYNC_REQUEST, "Server responds"`,
  }),
  entry("PLAY-CONV-03", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "stated",
    statement:
      "A user who enters late and asks gets the state as it is now, with changes made before entry; also in a room where nobody acted yet.",
    check: `Join after 1, 10 and 100 updates, the last of them a pause: the answer equals the last broadcast in every field. A fresh room has a \`playbackState\`: media and playing as created, position 0 (moving when created playing; ${POSITION}), speed 1, updated by the creator at the creation.`,
    source: `${HOW}, SYNC_REQUEST, "whenever a new user enters a room"`,
  }),
  entry("PLAY-CONV-04", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "stated",
    statement:
      "`UPDATE_PLAYBACK` changes the room state and the server sends `PLAYBACK_UPDATED` to all users of the room, the one who acted included.",
    check:
      "Each of N users sends in turn, every update with a marker of its own in `mediaUrl`: exactly one `PLAYBACK_UPDATED` with it reaches each of the N within 2 s. An empty payload and single fields: one broadcast each, as the model of the room says.",
    source: `${HOW}, UPDATE_PLAYBACK, "to all users"`,
  }),
  entry("PLAY-CONV-05", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "stated",
    statement: "`PLAYBACK_UPDATED` carries the whole updated state; a receiver needs no earlier message.",
    check: `Update one field: the broadcast holds all fields of the playback state and equals \`SYNC_FULL_STATE.playbackState\` right after (${POSITION}).`,
    source: `${HOW}, UPDATE_PLAYBACK, "containing the updated room state"`,
  }),
  entry("PLAY-CONV-06", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "stated",
    statement: "Play, pause and seek are each possible, and each leaves alone the fields it does not concern.",
    check: `Play, seek, pause, seek, change the speed, change the media; after each the whole state equals a model (${POSITION}). An update that also names \`lastUpdatedBy\`, \`lastUpdated\` and an unknown field: none of the three is taken over, author and time are the server's (refusing the message is accepted).`,
    source: `${HOW}, UPDATE_PLAYBACK, "play/pause/seek, etc."`,
  }),
  entry("PLAY-CONV-07", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "implied",
    statement: "Simultaneous updates by several users to different fields all survive.",
    check: `200 rounds from a common start: A sets \`isPlaying\`, B \`currentTime\`, C \`playbackSpeed\`, D \`mediaUrl\` in one tick; the final state holds all four (${POSITION}). Then races on the same field, paused: the final state is one of the values sent, the same for all.`,
    source: `${HOW}, UPDATE_PLAYBACK, "Updates the room state with new information"`,
  }),
  entry("PLAY-CONV-08", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "implied",
    statement: "After any storm, every user's last `PLAYBACK_UPDATED` and a fresh `SYNC_FULL_STATE` are the same state.",
    check:
      "20 users send 50 random updates each, then one pause, then quiet (at most 10 s): 20 last broadcasts and 20 answers are equal in every field.",
    source: `${INTRO}, "real-time media synchronization"`,
  }),
  entry("PLAY-CONV-09", {
    level: "SHOULD",
    category: "convergence",
    reach: "wire+clock",
    basis: "implied",
    statement: "While media plays, the reported position moves with time × speed; while paused it stands.",
    check:
      "Play at P; ask after 1, 5 and 20 s: P + elapsed × speed, 500 ms off at most, at speeds 1 and 1.5. Pause and ask twice 5 s apart: equal.",
    source: `${INTRO}; ${HOW}`,
    needs: ["positionMoves"],
  }),
];

const HEARTBEAT: readonly Requirement[] = [
  entry("PLAY-HB-01", {
    level: "MUST",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "stated",
    statement: "`HEARTBEAT` keeps a room: with one every 30 s it exists as long as wished.",
    check: "Join and send only a `HEARTBEAT` each 30 s for 300 s; then `SYNC_REQUEST` is answered and a second user can join.",
    source: `${HOW}, HEARTBEAT`,
    needs: ["longWaits"],
  }),
  entry("PLAY-HB-02", {
    level: "MUST",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "stated",
    statement: "A room without activity is deleted by itself after 1 minute.",
    check:
      "(a) all users gone (needs `emptyRoomKept`), (b) one socket open but silent: each room is alive at 55 s and gone at 70 s, found out by a join attempt. A probe is activity, so each probe time has a room of its own. (a) and (b) are reported apart, and both bounds count.",
    source: `${HOW}, HEARTBEAT, "after 1 minute of inactivity"`,
    needs: ["longWaits"],
  }),
  entry("PLAY-HB-03", {
    level: "MUST",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "implied",
    statement: "One missed heartbeat is survivable.",
    check: "Beats at 0 s and 55 s, then 4 more rounds 55 s apart: room and state are unchanged.",
    source: `${HOW}, HEARTBEAT, "preferably every 30 seconds"`,
    needs: ["longWaits"],
  }),
  entry("PLAY-HB-04", {
    level: "MUST",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "implied",
    statement: "A heartbeat of any one user keeps the room for all of them.",
    check: "5 users, one of them sends `HEARTBEAT` for 150 s: the other 4 are still connected and still receive an update.",
    source: `${HOW}, HEARTBEAT, "Keeps the room alive"`,
    needs: ["longWaits"],
  }),
  entry("PLAY-HB-05", {
    level: "SHOULD",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "implied",
    statement: "Real actions count as activity: `UPDATE_PLAYBACK` traffic keeps a room without any `HEARTBEAT`.",
    check: "Two rooms, one act each 40 s for 140 s: the one with updates only should live; the one with `SYNC_REQUEST` only is reported.",
    source: `${HOW}, HEARTBEAT, "inactivity" is not defined`,
    needs: ["longWaits"],
  }),
  entry("PLAY-HB-06", {
    level: "MUST",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "implied",
    statement: "The limit holds for rooms that were created and never joined, too.",
    check:
      "Create 100 rooms and wait 75 s: every join is refused and none is left in `GET /rooms` (needs `roomList`); with `metrics`, `rooms_open` is back where it started. Counted for the whole process, so nothing else runs beside it.",
    source: `${HOW}, HEARTBEAT`,
    needs: ["longWaits"],
  }),
  entry("PLAY-HB-07", {
    level: "SHOULD",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "implied",
    statement: "Deletion is final, and sockets still in the room learn of it.",
    check:
      "A silent socket stays past the deletion: an error frame or a close comes within 5 s of it. Then every message type on that socket if it is still open, a join, and `GET /rooms/:roomId`: each without effect or refused, and the id stays dead.",
    source: `${HOW}, HEARTBEAT, "automatically deleted"`,
    needs: ["longWaits"],
  }),
  entry("PLAY-HB-08", {
    level: "SHOULD",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "inferred",
    statement: "A room that is kept alive is kept whole: metadata, members, playback state.",
    check:
      "Rooms with known content, kept by heartbeats only, each asked once, at 50, 70, 130 or 190 s (a room for each time): `SYNC_FULL_STATE` equals the start in metadata, `members` and `playbackState`.",
    source: `${HOW}, HEARTBEAT, "Keeps the room alive in the server's memory"`,
    needs: ["longWaits"],
  }),
];

const TOGETHER: readonly Requirement[] = [
  entry("PLAY-PRES-01", {
    level: "SHOULD",
    category: "presence",
    reach: "wire",
    basis: "implied",
    statement: "The room knows who is in it; entering and leaving become visible to the others.",
    check:
      "After a random series of joins and leaves `members` in `SYNC_FULL_STATE` are the users with an open socket (plus the creator until its first leave), at most 5 s after the last clean close. `USER_JOINED` and `USER_LEFT` at the others agree; `HOST_CHANGED` and `hostId` name a present member (needs `host`). Unknown message types are recorded and reported.",
    source: `${HOW}, "highlighting the most important ones"`,
    needs: ["presence"],
  }),
  entry("PLAY-LAT-01", {
    level: "SHOULD",
    category: "latency",
    reach: "wire+clock",
    basis: "implied",
    statement: "Updates reach all users fast enough for watching together; no number is given.",
    check:
      "Marked updates at a fixed rate: planned send to receipt at every receiver, p50, p95, p99 and maximum, and first to last receiver of each update. Budgets: p95 200 ms, first to last 300 ms.",
    source: `${HOW}, "high-performance real-time communication"`,
  }),
  entry("PLAY-RES-01", {
    level: "MUST",
    category: "resume/offline",
    part: "both",
    reach: "wire+clock",
    basis: "implied",
    statement: "A user who lost the connection comes back to the same room within its life and gets the present state by `SYNC_REQUEST`.",
    check:
      "Cut a connection without a close frame, let others change the state, reconnect after 5 s and 45 s (the latter needs `longWaits`; another user keeps the room) and ask: equal to now. The old session no longer counts (needs `presence`): `members` names the user once, and when the new socket closes the others get one `USER_LEFT` within 5 s and `members` no longer has the user. A client under test (needs `clientDriver`) reconnects to the same room after a cut, sends `SYNC_REQUEST`, and its state equals the server's.",
    source: `${HOW}, SYNC_REQUEST and HEARTBEAT`,
  }),
  entry("PLAY-ISO-01", {
    level: "MUST",
    category: "isolation",
    reach: "wire",
    basis: "implied",
    statement: "An update in one room is seen in that room only.",
    check:
      "50 rooms of 4 users, marked updates in all at once: no foreign marker; each `SYNC_FULL_STATE` shows its own room's last marker; a `roomId` inside the message does not redirect it.",
    source: `${HOW}, \`/rooms/:roomId/ws\``,
  }),
];

const HARDNESS: readonly Requirement[] = [
  entry("PLAY-ERR-01", {
    level: "SHOULD",
    category: "errors",
    reach: "wire",
    basis: "inferred",
    statement: "Messages the server can not use lead to an error for the sender and no state change.",
    check:
      "Send text that is no JSON (also a bare `NaN`), `null`, no type, an unknown type, no payload, wrong field types, `currentTime` −1, `1e400` (not finite) and 2^53, and a binary frame; then `SYNC_REQUEST` (after a close: on a new socket): the state is unchanged, no broadcast reached others, and the sender got an error frame or a close within 2 s.",
    source: `${HOW}, "defined in the ws.types.ts file"`,
  }),
  entry("PLAY-ROB-01", {
    level: "MUST",
    category: "robustness",
    reach: "wire",
    basis: "inferred",
    statement: "No single client can bring down room or server by what it sends.",
    check: "5000 fuzzed frames from one socket while two bystanders exchange updates: they lose none, and `POST /rooms` still answers.",
    source: HOW,
  }),
  entry("PLAY-ROB-02", {
    level: "SHOULD",
    category: "robustness",
    reach: "hook",
    basis: "implied",
    statement: "After a restart of the server, or of the store behind it, users are served or refused, and it is defined which.",
    check:
      "Restart the server, and apart from it its store where the hook can, under a live room; within 30 s either the room works with its last state or joins are refused. Nothing else runs beside it.",
    source: `${HOW} against roomy-backend README › Tech Stack`,
    needs: ["restart"],
  }),
  entry("PLAY-CAP-01", {
    level: "SHOULD",
    category: "capacity",
    reach: "wire+clock",
    basis: "implied",
    statement: "The server carries many rooms and large rooms; broadcasts grow with users², so both shapes are measured.",
    check:
      "Ramp (a) rooms of 4, (b) users in one room up to the largest `maxParticipants`, heartbeats each 30 s at a random phase; report where p99 leaves the budget or reach falls below N of N. Lateness is only shown; what a member must receive and does not counts against PLAY-CONV-04.",
    source: `${HOW}, "high-performance"`,
    reported: "The source gives no figure that a server must carry, so the limits found are shown and not judged.",
  }),
  entry("PLAY-CAP-02", {
    level: "SHOULD",
    category: "capacity",
    reach: "wire x2",
    basis: "inferred",
    statement: "Users of one room on two server processes see each other.",
    check: "Half of the users on each URL; PLAY-CONV-04, PLAY-ORD-01 and PLAY-HB-04 hold as on one.",
    source: `${HOW}, "uses websockets and Redis"`,
    needs: ["secondUrl"],
  }),
  entry("PLAY-SEC-01", {
    level: "SHOULD",
    category: "security",
    reach: "wire",
    basis: "inferred",
    statement: "How far room ids can be guessed and creation is bounded, and what identifies a user, is found out and shown.",
    check:
      "Shown: of 1000 ids, whether they share a counter and their bits of spread (64 or more is good); where limits on creation begin; whether `/rooms` and the upgrade work without a credential, and how a bad one is answered.",
    source: `${HOW}, no authentication named`,
    reported: "The source says nothing of guessing, limits or authentication, so there is no failing side.",
  }),
  entry("PLAY-OBS-01", {
    level: "MAY",
    category: "observability",
    reach: "hook",
    basis: "stated",
    statement: "The documented set-up works: clone, install, `.env` from the example, containers up, migration, start.",
    check:
      "A hook runs the steps in a clean place, then PLAY-SESS-01 holds; a missing environment value stops the start and is named. Nothing else runs beside it.",
    source: "roomy-backend README › Getting Started",
    needs: ["setup"],
    noCase: {
      kind: "needs",
      capability: "setup",
      because: "The embedded server has no documented set-up to run; a target gives the hook.",
    },
    noMutant: {
      kind: "needs",
      capability: "setup",
      because: "What is checked is a server's set-up and its documentation; a mutant changes behaviour of a running one.",
    },
  }),
];

/** The catalogue of the playback protocol: 36 entries. Ids never change. */
export const requirements: readonly Requirement[] = [...SESSION, ...ORDERING, ...CONVERGENCE, ...HEARTBEAT, ...TOGETHER, ...HARDNESS];
