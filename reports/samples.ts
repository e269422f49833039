/** Results for tests and for looking at the renderers; the figures are made up, the requirement texts are playback's. */
import type { WitnessStep } from "../src/core/checker.ts";
import type { LatencyFigures } from "../src/core/histogram.ts";
import { createPrng } from "../src/core/prng.ts";
import type { Category, Level } from "../src/core/requirement.ts";
import type { LoadResult, RequirementResult, Result, SeriesPoint } from "../src/core/result.ts";
import { capacitySamples } from "./samples-capacity.ts";

const SOURCE = "roomy-backend README › How It Works?";

type Row = readonly [id: string, level: Level, category: Category, statement: string, observed: string, cases: string];

const ROWS: readonly Row[] = [
  [
    "PLAY-SESS-01",
    "MUST",
    "session",
    "`POST /rooms` creates a room and answers with its id and its metadata.",
    "1,000 creations, 1,000 different ids, all safe in a path",
    "session/create",
  ],
  [
    "PLAY-SESS-02",
    "MUST",
    "session",
    "A room is joined by opening a WebSocket at `/rooms/:roomId/ws`.",
    "joined in 6 ms; the first SYNC_REQUEST was answered",
    "session/join",
  ],
  [
    "PLAY-SESS-03",
    "MUST",
    "session",
    "Joining a room that never existed, was deleted, or has a malformed id is refused and does not create it.",
    "5 joins refused, 5 refused again, none listed",
    "session/unknown-room",
  ],
  [
    "PLAY-SESS-04",
    "MUST",
    "session",
    "Many users are in one room at once; one user's leaving does not end it for the others.",
    "4 of 4 who stayed received the update",
    "departure/others-stay",
  ],
  [
    "PLAY-SESS-05",
    "SHOULD",
    "session",
    "What the create call returned agrees with what the room later says of itself.",
    "6 shared fields equal; the eleventh user was refused",
    "session/metadata",
  ],
  [
    "PLAY-ORD-01",
    "MUST",
    "ordering",
    "All users see the updates in the same order.",
    "10 users, 1,000 updates, 0 inversions",
    "order/one-order",
  ],
  [
    "PLAY-ORD-02",
    "MUST",
    "ordering",
    "Updates of one user are applied in the order sent, also back to back.",
    "200 of 200 ascending; the final state is 200",
    "order/author-order",
  ],
  [
    "PLAY-ORD-03",
    "SHOULD",
    "ordering",
    "A `SYNC_FULL_STATE` is not older than a broadcast the same socket already received.",
    "412 answers during the storm, none went back",
    "order/sync-not-older",
  ],
  [
    "PLAY-CONV-01",
    "MUST",
    "convergence",
    "`SYNC_REQUEST` is answered with `SYNC_FULL_STATE` holding the room's current state.",
    "3 requests, 3 answers, slowest 9 ms",
    "convergence/sync",
  ],
  [
    "PLAY-CONV-02",
    "MUST",
    "convergence",
    "The full state goes to the one who asked, not to everybody.",
    "0 full states at the two idle users in 2 s",
    "convergence/only-asker",
  ],
  [
    "PLAY-CONV-03",
    "MUST",
    "convergence",
    "A user who enters late and asks gets the state as it is now, with changes made before entry; also in a room where nobody acted yet.",
    "equal after 1, 10 and 100 updates, and in a fresh room",
    "convergence/late-join",
  ],
  [
    "PLAY-CONV-04",
    "MUST",
    "convergence",
    "`UPDATE_PLAYBACK` changes the room state and the server sends `PLAYBACK_UPDATED` to all users of the room, the one who acted included.",
    "100 updates, 1,000 deliveries, each once",
    "delivery/everyone-once",
  ],
  [
    "PLAY-CONV-05",
    "MUST",
    "convergence",
    "`PLAYBACK_UPDATED` carries the whole updated state; a receiver needs no earlier message.",
    "all 7 fields present; equal to the state asked for right after",
    "convergence/whole-state",
  ],
  [
    "PLAY-CONV-06",
    "MUST",
    "convergence",
    "Play, pause and seek are each possible, and each leaves alone the fields it does not concern.",
    "6 acts, each equal to the model",
    "convergence/model",
  ],
  [
    "PLAY-CONV-07",
    "MUST",
    "convergence",
    "Simultaneous updates by several users to different fields all survive.",
    "200 rounds of four writers, all fields kept",
    "convergence/race",
  ],
  [
    "PLAY-CONV-08",
    "MUST",
    "convergence",
    "After any storm, every user's last `PLAYBACK_UPDATED` and a fresh `SYNC_FULL_STATE` are the same state.",
    "20 broadcasts and 20 answers equal, quiet after 31 ms",
    "convergence/storm",
  ],
  [
    "PLAY-CONV-09",
    "SHOULD",
    "convergence",
    "While media plays, the reported position moves with time × speed; while paused it stands.",
    "within 38 ms at speeds 1 and 1.5; paused: 0 ms",
    "convergence/position",
  ],
  [
    "PLAY-HB-01",
    "MUST",
    "heartbeat",
    "`HEARTBEAT` keeps a room: with one every 30 s it exists as long as wished.",
    "alive after 300 s of heartbeats only",
    "heartbeat/keeps",
  ],
  [
    "PLAY-HB-02",
    "MUST",
    "heartbeat",
    "A room without activity is deleted by itself after 1 minute.",
    "empty and silent room: alive at 55 s, gone at 70 s",
    "heartbeat/deletes",
  ],
  [
    "PLAY-HB-03",
    "MUST",
    "heartbeat",
    "One missed heartbeat is survivable.",
    "room and state unchanged after 5 rounds of 55 s",
    "heartbeat/one-missed",
  ],
  [
    "PLAY-HB-04",
    "MUST",
    "heartbeat",
    "A heartbeat of any one user keeps the room for all of them.",
    "4 silent users still received the update after 150 s",
    "heartbeat/any-user",
  ],
  [
    "PLAY-HB-05",
    "SHOULD",
    "heartbeat",
    "Real actions count as activity: `UPDATE_PLAYBACK` traffic keeps a room without any `HEARTBEAT`.",
    "kept for 140 s by updates",
    "heartbeat/updates-count",
  ],
  [
    "PLAY-HB-06",
    "MUST",
    "heartbeat",
    "The limit holds for rooms that were created and never joined, too.",
    "100 of 100 gone after 75 s; rooms_open back at 0",
    "heartbeat/never-joined",
  ],
  [
    "PLAY-HB-07",
    "SHOULD",
    "heartbeat",
    "Deletion is final, and sockets still in the room learn of it.",
    "ERROR and close 4410 within 0.2 s; the id stayed dead",
    "heartbeat/final",
  ],
  [
    "PLAY-HB-08",
    "SHOULD",
    "heartbeat",
    "A room that is kept alive is kept whole: metadata, members, playback state.",
    "4 rooms equal to their start at 50, 70, 130 and 190 s",
    "heartbeat/whole",
  ],
  [
    "PLAY-PRES-01",
    "SHOULD",
    "presence",
    "The room knows who is in it; entering and leaving become visible to the others.",
    "34 changes, members right within 12 ms",
    "presence/truth",
  ],
  [
    "PLAY-LAT-01",
    "SHOULD",
    "latency",
    "Updates reach all users fast enough for watching together; no number is given.",
    "p95 4.1 ms (200 allowed), spread p95 1.6 ms (300 allowed)",
    "latency/budget",
  ],
  [
    "PLAY-RES-01",
    "MUST",
    "resume/offline",
    "A user who lost the connection comes back to the same room within its life and gets the present state by `SYNC_REQUEST`.",
    "equal after 5 s and after 45 s; named once",
    "resume/reconnect",
  ],
  [
    "PLAY-ISO-01",
    "MUST",
    "isolation",
    "An update in one room is seen in that room only.",
    "50 rooms, 10,000 deliveries, 0 foreign",
    "isolation/rooms",
  ],
  [
    "PLAY-ERR-01",
    "SHOULD",
    "errors",
    "Messages the server can not use lead to an error for the sender and no state change.",
    "13 kinds refused, state unchanged, nothing broadcast",
    "errors/bad-message",
  ],
  [
    "PLAY-ROB-01",
    "MUST",
    "robustness",
    "No single client can bring down room or server by what it sends.",
    "5,000 fuzzed frames; the bystanders lost none of 400",
    "robustness/fuzz",
  ],
  [
    "PLAY-ROB-02",
    "SHOULD",
    "robustness",
    "After a restart of the server, or of the store behind it, users are served or refused, and it is defined which.",
    "joins refused as unknown room, 0.9 s after the restart",
    "robustness/restart",
  ],
  [
    "PLAY-CAP-01",
    "SHOULD",
    "capacity",
    "The server carries many rooms and large rooms; broadcasts grow with users², so both shapes are measured.",
    "rooms of 4: within budget up to 400 rooms; one room: up to 50 users",
    "capacity/ramp",
  ],
  [
    "PLAY-CAP-02",
    "SHOULD",
    "capacity",
    "Users of one room on two server processes see each other.",
    "needs secondUrl, which the target does not declare",
    "",
  ],
  [
    "PLAY-SEC-01",
    "SHOULD",
    "security",
    "How far room ids can be guessed and creation is bounded, and what identifies a user, is found out and shown.",
    "122 bits of spread, no counter; creation unbounded up to 1,000; no credential: 401",
    "security/ids",
  ],
  [
    "PLAY-OBS-01",
    "MAY",
    "observability",
    "The documented set-up works: clone, install, `.env` from the example, containers up, migration, start.",
    "needs setup, which the target does not declare",
    "",
  ],
];

const VERDICT_OF: Readonly<Record<string, RequirementResult["verdict"]>> = {
  "PLAY-CAP-01": "reported",
  "PLAY-CAP-02": "skipped",
  "PLAY-SEC-01": "reported",
  "PLAY-OBS-01": "skipped",
};

const REQUIREMENTS: readonly RequirementResult[] = ROWS.map(([id, level, category, statement, observed, cases]) => ({
  id,
  level,
  category,
  statement,
  source: SOURCE,
  verdict: VERDICT_OF[id] ?? "pass",
  observed,
  cases: cases === "" ? [] : [cases],
  reasons: [],
}));

/** The requirements with some replaced in part. */
function requirementsWith(changes: Readonly<Record<string, Partial<RequirementResult>>>): readonly RequirementResult[] {
  return REQUIREMENTS.map((requirement) => ({ ...requirement, ...changes[requirement.id] }));
}

/** A check that passed. */
export const passingResult: Result = {
  schema: "rollcall/result@1",
  command: "check",
  version: "0.1.0",
  startedAt: "2026-11-21T14:05:09.120Z",
  durationMs: 37_412,
  verdict: "pass",
  exitCode: 0,
  seed: "harbour-17",
  profile: "mvp",
  target: { name: "playback reference", url: "http://127.0.0.1:41873", timeScale: 20 },
  binding: "playback",
  dialect: "published",
  rerun: "rollcall check playback --seed harbour-17",
  requirements: REQUIREMENTS,
  harness: { loopLagMsP99: 3.4, cpu: 0.41, residentBytes: 148_000_000, workers: 1, inconclusiveBecause: [] },
  notes: [],
  interrupted: false,
};

const frame = (payload: object): string => JSON.stringify({ type: "PLAYBACK_UPDATED", payload });
const media = "https://media.example/clip.mp4#r=harbour-17&a=3&n=7&s=9f02c1aa";

const LOST_STEPS: readonly WitnessStep[] = [
  {
    atMs: 8_412.1,
    from: "client 3",
    to: "server",
    label: "UPDATE_PLAYBACK a=3 n=7",
    frame: JSON.stringify({ type: "UPDATE_PLAYBACK", payload: { mediaUrl: media, currentTime: 61_200 } }),
  },
  {
    atMs: 8_413.9,
    from: "server",
    to: "client 3",
    label: "PLAYBACK_UPDATED a=3 n=7",
    frame: frame({
      mediaUrl: media,
      mediaType: "video/mp4",
      isPlaying: true,
      currentTime: 61_200,
      playbackSpeed: 1,
      lastUpdatedBy: "did:plc:k4zj2v6mxqyt",
      lastUpdated: "2026-11-21T14:05:17.533Z",
    }),
  },
  {
    atMs: 8_414.2,
    from: "server",
    to: "client 1",
    label: "PLAYBACK_UPDATED a=3 n=7",
    frame: frame({
      mediaUrl: media,
      mediaType: "video/mp4",
      isPlaying: true,
      currentTime: 61_200,
      playbackSpeed: 1,
      lastUpdatedBy: "did:plc:k4zj2v6mxqyt",
      lastUpdated: "2026-11-21T14:05:17.533Z",
    }),
  },
  { atMs: 10_414.2, from: "server", to: "client 9", label: "nothing within 2 s", isBad: true },
];

const ORDER_STEPS: readonly WitnessStep[] = [
  { atMs: 402, from: "client 2", to: "server", label: "UPDATE_PLAYBACK a=2 n=41" },
  { atMs: 402.3, from: "client 6", to: "server", label: "UPDATE_PLAYBACK a=6 n=38" },
  { atMs: 404, from: "server", to: "client 1", label: "PLAYBACK_UPDATED a=2 n=41" },
  { atMs: 404.1, from: "server", to: "client 1", label: "PLAYBACK_UPDATED a=6 n=38" },
  { atMs: 404.6, from: "server", to: "client 4", label: "PLAYBACK_UPDATED a=6 n=38", isBad: true },
  { atMs: 404.9, from: "server", to: "client 4", label: "PLAYBACK_UPDATED a=2 n=41" },
];

/** A check with two broken requirements, a warning, one inconclusive, a known failure and a note. */
export const failingResult: Result = {
  ...passingResult,
  verdict: "fail",
  exitCode: 1,
  durationMs: 38_906,
  target: { name: "staging rooms", url: "https://rooms.staging.example", timeScale: 1 },
  rerun: "rollcall check staging.yaml --seed harbour-17",
  notes: ["Presence of HOST_CHANGED was not judged: the target declares host off."],
  requirements: requirementsWith({
    "PLAY-CONV-04": {
      verdict: "fail",
      observed: "997 of 1,000 deliveries; client 9 missed 3 updates",
      reasons: ["lost"],
      cases: ["delivery/everyone-once", "delivery/single-fields"],
      witness: {
        reason: "lost",
        expected: "PLAYBACK_UPDATED a=3 n=7 at each of the 10 members within 2 s",
        seen: "9 of 10 received it; client 9 received updates before and after it, but not this one",
        steps: LOST_STEPS,
      },
    },
    "PLAY-ORD-01": {
      verdict: "fail",
      observed: "2 inversions in 1,000 updates",
      reasons: ["disordered"],
      witness: {
        reason: "disordered",
        expected: "a=2 n=41 before a=6 n=38, as client 1 saw them",
        seen: "client 4 received a=6 n=38 first",
        steps: ORDER_STEPS,
      },
    },
    "PLAY-LAT-01": {
      verdict: "warning",
      observed: "p95 312 ms (200 allowed), spread p95 96 ms (300 allowed)",
      reasons: ["late"],
      witness: { reason: "late", expected: "p95 of delivery at most 200 ms", seen: "p95 312 ms over 6,000 deliveries", steps: [] },
    },
    "PLAY-HB-06": { verdict: "inconclusive", observed: "only 41 of 100 rooms could be created before the server refused" },
    "PLAY-ERR-01": {
      verdict: "fail",
      observed: "a bare NaN was answered by a close with code 1006",
      reasons: ["wrong-refusal"],
      known: { because: "issue 12: the frame parser is being replaced", until: "2027-03-01", state: "excused" },
      witness: {
        reason: "wrong-refusal",
        expected: "an ERROR frame or a close with a code within 2 s",
        seen: "the connection was cut without a close frame",
        steps: [
          { atMs: 20, from: "client 1", to: "server", label: "NaN (text)", frame: "NaN" },
          { atMs: 21.4, from: "server", to: "client 1", label: "TCP reset", isBad: true },
        ],
      },
    },
  }),
};

function figures(count: number, p50: number, tail: number): LatencyFigures {
  const at = (share: number): number => Math.round((p50 + (tail - p50) * share) * 100) / 100;
  return { count, p50, p90: at(0.08), p95: at(0.14), p99: at(0.31), p999: at(0.62), max: tail };
}

function seriesOf(seconds: number, clients: number, rooms: number, stallAt: number): readonly SeriesPoint[] {
  const prng = createPrng("samples");
  const perRoom = clients / rooms;
  return Array.from({ length: seconds }, (_, t) => {
    const here = Math.round(clients * Math.min(1, (t + 1) / 4));
    const sent = Math.round(here * (0.97 + prng.next() * 0.06));
    const stalled = t === stallAt ? 1 : 0;
    return {
      t,
      clients: here,
      sent,
      delivered: Math.round(sent * perRoom * (stalled === 1 ? 0.62 : 1)),
      deliveryMsP50: Math.round((1.8 + prng.next() * 0.5 + stalled * 3) * 100) / 100,
      deliveryMsP99: Math.round((7 + prng.next() * 3.5 + stalled * 41) * 100) / 100,
      loopLagMs: Math.round((1.1 + prng.next() * 2.2 + stalled * 4) * 100) / 100,
    };
  });
}

const LOAD: LoadResult = {
  scenario: "watch-party",
  clients: 2_000,
  rooms: 200,
  durationMs: 30_000,
  expected: 589_140,
  delivered: 589_140,
  reach: 1,
  deliveryMs: figures(589_140, 2.1, 52.4),
  convergenceMs: figures(58_914, 3.2, 58.9),
  spreadMs: figures(58_914, 0.9, 18.2),
  joinMs: figures(2_000, 11.4, 96),
  sent: 58_914,
  late: 12,
  unsent: 0,
  dropped: 3,
  sendLagMs: figures(58_914, 0.6, 14.2),
  plannedPerSecond: 2_000,
  achievedPerSecond: 1_963.8,
  series: seriesOf(30, 2_000, 200, 17),
  objectives: [
    { name: "deliveryMsP99", wanted: "≤ 200 ms", got: "17.7 ms", verdict: "pass" },
    { name: "convergenceMsP99", wanted: "≤ 300 ms", got: "20.5 ms", verdict: "pass" },
    { name: "reach", wanted: "1", got: "1", verdict: "pass" },
    { name: "violations", wanted: "0", got: "0", verdict: "pass" },
  ],
};

/** What a load run judges: each property over every delivery. */
const LOAD_JUDGED: Readonly<Record<string, Partial<RequirementResult>>> = {
  "PLAY-CONV-04": { observed: "589,140 deliveries of 58,914 updates, each once", cases: ["delivery"] },
  "PLAY-ORD-01": { observed: "589,140 deliveries compared with their room's order, 0 inversions", cases: ["order"] },
  "PLAY-ORD-03": { observed: "2,000 answers, none went back", cases: ["guarantees"] },
  "PLAY-CONV-01": { observed: "2,000 answers, each a state between request and answer", cases: ["snapshot"] },
  "PLAY-CONV-08": { observed: "200 rooms equal at every member, quiet after 44 ms", cases: ["convergence"] },
  "PLAY-PRES-01": { observed: "2,000 joins seen, no ghost", cases: ["presence"] },
  "PLAY-ISO-01": { observed: "589,140 deliveries, 0 foreign", cases: ["isolation"] },
  "PLAY-LAT-01": { observed: "p95 9.1 ms (200 allowed), spread p95 3.3 ms (300 allowed)", cases: ["latency"] },
};

/** A load run that passed, with its series. */
export const loadResult: Result = {
  ...passingResult,
  command: "load",
  durationMs: 36_220,
  rerun: "rollcall load watch-party --target playback --clients 2000 --rooms 200 --rate 1 --duration 30s --seed harbour-17",
  target: { name: "playback reference", url: "http://127.0.0.1:41873", timeScale: 1 },
  requirements: requirementsWith(LOAD_JUDGED).filter((requirement) => requirement.id in LOAD_JUDGED),
  load: LOAD,
  harness: {
    loopLagMsP99: 6.2,
    loopLagMsMax: 21.4,
    gc: { count: 412, totalMs: 731.5, maxMs: 11.8 },
    cpu: 0.83,
    residentBytes: 412_000_000,
    workers: 2,
    inconclusiveBecause: [],
  },
};

/** A load run against a server that lost six deliveries. */
export const failingLoadResult: Result = {
  ...loadResult,
  verdict: "fail",
  exitCode: 1,
  target: { ...loadResult.target, mutant: "drops-one-in-100000" },
  requirements: loadResult.requirements.map((requirement) =>
    requirement.id === "PLAY-CONV-04"
      ? {
          ...requirement,
          verdict: "fail",
          observed: "6 of 589,140 deliveries lost",
          reasons: ["lost"],
          witness: {
            reason: "lost",
            expected: "PLAYBACK_UPDATED a=3 n=7 at all 10 members of room 14",
            seen: "9 of 10 received it; client 9 went on from n=6 to n=8",
            steps: LOST_STEPS,
          },
        }
      : requirement,
  ),
  load: {
    ...LOAD,
    delivered: LOAD.expected - 6,
    reach: (LOAD.expected - 6) / LOAD.expected,
    objectives: LOAD.objectives.map((objective) =>
      objective.name === "reach"
        ? { ...objective, got: "0.99999", verdict: "fail" }
        : objective.name === "violations"
          ? { ...objective, got: "6", verdict: "fail" }
          : objective,
    ),
  },
};

/** The least a result may hold: interrupted before anything was judged. */
export const minimalResult: Result = {
  ...passingResult,
  verdict: "skipped",
  exitCode: 130,
  durationMs: 12,
  requirements: [],
  harness: { loopLagMsP99: 0, cpu: 0, residentBytes: 0, workers: 0, inconclusiveBecause: [] },
  interrupted: true,
};

/** What a hostile target may put into a result: markup, terminal escapes, invalid XML, bidi, lone surrogates, Markdown. */
export const HOSTILE_TEXT =
  "</script><img src=x onerror=\"document.title='owned'\">]]>\u0000\u001b[31m\u202egnp.exe\ud800\ufffe & `tick` | pipe @everyone #1 <!-- -->\r\n```\n# big\n${danger}";

/** A failing result with `HOSTILE_TEXT` wherever a target's words can reach. */
export const hostileResult: Result = {
  ...failingLoadResult,
  seed: HOSTILE_TEXT,
  binding: HOSTILE_TEXT,
  dialect: HOSTILE_TEXT,
  startedAt: HOSTILE_TEXT,
  version: HOSTILE_TEXT,
  rerun: HOSTILE_TEXT,
  target: { name: HOSTILE_TEXT, url: `javascript:alert(1)//${HOSTILE_TEXT}`, timeScale: 1, mutant: HOSTILE_TEXT },
  notes: [HOSTILE_TEXT],
  harness: { ...loadResult.harness, inconclusiveBecause: [HOSTILE_TEXT] },
  load: {
    ...LOAD,
    scenario: HOSTILE_TEXT,
    faults: {
      plan: HOSTILE_TEXT,
      faults: [{ kind: "cut", what: HOSTILE_TEXT, whom: HOSTILE_TEXT, beginMs: 1, endMs: 2, noticedBy: 0, failure: HOSTILE_TEXT }],
      upset: 0,
      missing: 0,
      looked: 1,
      lost: 1,
      doubled: 0,
      requirement: HOSTILE_TEXT,
    },
    objectives: [{ name: HOSTILE_TEXT, wanted: HOSTILE_TEXT, got: HOSTILE_TEXT, verdict: "fail" }],
  },
  requirements: [
    {
      id: HOSTILE_TEXT,
      level: "MUST",
      category: "errors",
      statement: HOSTILE_TEXT,
      source: HOSTILE_TEXT,
      verdict: "fail",
      observed: HOSTILE_TEXT,
      cases: [HOSTILE_TEXT],
      reasons: ["malformed"],
      known: { because: HOSTILE_TEXT, until: HOSTILE_TEXT, state: "flaky-pass" },
      witness: {
        reason: "malformed",
        expected: HOSTILE_TEXT,
        seen: HOSTILE_TEXT,
        steps: [
          { atMs: 1, from: HOSTILE_TEXT, to: "server", label: HOSTILE_TEXT, frame: HOSTILE_TEXT },
          { atMs: 2, from: "server", to: HOSTILE_TEXT, label: HOSTILE_TEXT, frame: HOSTILE_TEXT.repeat(30), isBad: true },
          { atMs: 3, from: "server", to: "server", label: HOSTILE_TEXT },
        ],
      },
    },
  ],
};

/** A load run in which things were made to go wrong; from one of them the server did not recover. */
export const faultsResult: Result = {
  ...loadResult,
  load: {
    ...LOAD,
    faults: {
      plan: "flaky-wifi",
      faults: [
        {
          kind: "latency",
          what: "latency 80 ms ± 60 ms",
          whom: "25 of 50 clients",
          beginMs: 3000,
          endMs: 9000,
          noticedBy: 0,
          recoverMs: 12,
        },
        {
          kind: "kill",
          what: "kill and start again",
          whom: "the server",
          beginMs: 5000,
          endMs: 6480,
          noticedBy: 50,
          detectMs: 3,
          recoverMs: 1210,
        },
        { kind: "cut", what: "cut", whom: "5 of 50 clients", beginMs: 8000, endMs: 8004, noticedBy: 5, detectMs: 1 },
      ],
      upset: 31,
      missing: 1,
      looked: 220,
      lost: 2,
      doubled: 0,
      requirement: "LEAF-ORD-05",
    },
  },
};

const { capacity: capacityResult, nothingHolds: nothingHoldsResult } = capacitySamples(loadResult, failingLoadResult);

/** All samples by name. */
export const samples: Readonly<Record<string, Result>> = {
  passing: passingResult,
  failing: failingResult,
  load: loadResult,
  failingLoad: failingLoadResult,
  capacity: capacityResult,
  nothingHolds: nothingHoldsResult,
  faults: faultsResult,
  minimal: minimalResult,
  hostile: hostileResult,
};
