import { Precondition, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import {
  asFields,
  breach,
  checkRefused,
  createRoom,
  eachOf,
  hear,
  isSuccess,
  listRooms,
  mark,
  parseJson,
  postRoom,
  SHALL_MS,
  sleepUntil,
  tryJoin,
  ask,
  WATCH_MS,
} from "./support.ts";
import { spreadOfIds } from "./spread.ts";

const SESS_01 = requirementId("PLAY-SESS-01");
const SESS_02 = requirementId("PLAY-SESS-02");
const SESS_03 = requirementId("PLAY-SESS-03");
const SESS_05 = requirementId("PLAY-SESS-05");
const SEC_01 = requirementId("PLAY-SEC-01");

const CREATIONS = 1_000;
/** Enough to be done in seconds, few enough not to be a flood. */
const CREATIONS_AT_ONCE = 20;
/** Fewer ids than this say nothing about being different. */
const CREATIONS_MIN = 100;
/** So many that failed say what there is to say; a server that never answers is asked no further. */
const FAILURES_MAX = CREATIONS_AT_ONCE;
/** RFC 3986 § 2.3: what needs no escaping in a path. */
const URL_SAFE = /^[A-Za-z0-9._~-]+$/;

const create: CaseDefinition = {
  name: "session/create",
  title: "POST /rooms answers with an id and the room's metadata",
  ids: [SESS_01],
  phase: "shared",
  run: async (t) => {
    const answer = await postRoom(t, await t.user(), { name: "Friday film" });
    if (
      !t.check(SESS_01, !("failure" in answer), {
        reason: "silent",
        expected: "POST /rooms is answered",
        seen: "failure" in answer ? answer.failure : "",
      })
    )
      return;
    if ("failure" in answer) return;
    const seen = `${answer.status} ${answer.body.slice(0, 300)}`;
    if (!t.check(SESS_01, isSuccess(answer.status), { reason: "absent", expected: "2xx for a room that may be made", seen })) return;
    const meta = asFields(parseJson(answer.body));
    const roomId = meta["roomId"];
    t.check(SESS_01, typeof roomId === "string" && roomId !== "", { reason: "malformed", expected: "JSON with a non-empty roomId", seen });
    t.check(SESS_01, Object.keys(meta).length > 1, { reason: "malformed", expected: "metadata beside the roomId", seen });
  },
};

const thousand: CaseDefinition = {
  name: "session/thousand-rooms",
  title: "1000 creations give 1000 different ids that are safe in a URL path",
  ids: [SESS_01, SEC_01],
  phase: "shared",
  limitMs: 90_000,
  run: async (t) => {
    const creator = await t.user();
    const ids: string[] = [];
    let limitedAfter: number | undefined;
    let failures = 0;
    await eachOf(
      Array.from({ length: CREATIONS }, (_, index) => index),
      CREATIONS_AT_ONCE,
      async (index) => {
        if (limitedAfter !== undefined || failures >= FAILURES_MAX) return;
        const answer = await postRoom(t, creator, { name: `Room ${index}` });
        if (!("failure" in answer) && answer.status === 429) limitedAfter ??= ids.length;
        else {
          const text = "failure" in answer ? answer.failure : `${answer.status} ${answer.body.slice(0, 200)}`;
          const roomId = "failure" in answer ? undefined : asFields(parseJson(answer.body))["roomId"];
          const made = typeof roomId === "string" && roomId !== "";
          t.check(SESS_01, made, { reason: "absent", expected: `creation ${index + 1} of ${CREATIONS} gives an id`, seen: text });
          if (made) ids.push(roomId);
          else failures += 1;
        }
      },
    );
    if (ids.length < CREATIONS_MIN) t.inconclusive(SESS_01, `only ${ids.length} rooms were made`);
    else {
      const seen = new Map<string, number>();
      for (const id of ids) seen.set(id, (seen.get(id) ?? 0) + 1);
      const twice = [...seen].find(([, count]) => count > 1);
      t.check(SESS_01, twice === undefined, {
        reason: "doubled",
        expected: `${ids.length} different ids`,
        seen: `${twice?.[0]} came ${twice?.[1]} times`,
      });
      const unsafe = ids.find((id) => !URL_SAFE.test(id));
      t.check(SESS_01, unsafe === undefined, {
        reason: "malformed",
        expected: "ids that need no escaping in a URL path",
        seen: JSON.stringify(unsafe),
      });
    }
    const { bits, isAscending } = spreadOfIds(ids);
    t.report(
      SEC_01,
      `${ids.length} ids: about ${bits} bits of spread${bits >= 64 ? "" : ", fewer than 64"}; ${isAscending ? "they ascend in the order of creation, as a counter or a clock does" : "no shared counter"}`,
    );
    t.report(
      SEC_01,
      limitedAfter === undefined
        ? `no limit met in ${CREATIONS} creations, ${CREATIONS_AT_ONCE} at once`
        : `creation was limited (429) after ${limitedAfter} rooms`,
    );
  },
};

const join: CaseDefinition = {
  name: "session/join",
  title: "A room is joined by a WebSocket at its path and usable at once",
  ids: [SESS_02],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const startedMs = t.nowMs();
    const client = await t.open({ room: roomId, mustJoin: false });
    const isUp = await t.until(
      () => client.isOpen || client.refused !== undefined || client.closed !== undefined,
      Math.max(0, SHALL_MS - (t.nowMs() - startedMs)),
    );
    const refused = client.refused;
    t.check(
      SESS_02,
      refused === undefined,
      breach(t, client, "wrong-refusal", "the upgrade gives 101", `${refused?.status ?? 0} ${refused?.failure ?? ""}`),
    );
    if (refused !== undefined) return;
    t.check(SESS_02, isUp, breach(t, client, "silent", `101 within ${SHALL_MS} ms`, "no answer to the upgrade"));
    if (!isUp) return;
    const { answer } = await ask(t, client);
    const closed = client.closed;
    t.check(
      SESS_02,
      answer !== undefined,
      breach(
        t,
        client,
        closed === undefined ? "silent" : "closed",
        "a SYNC_REQUEST as the first act after opening is answered",
        closed === undefined ? `no answer in ${WATCH_MS} ms` : `closed ${closed.code} ${closed.reason}`,
      ),
    );
  },
};

/** A UUID that no server has given out: random but for the digits that the form fixes. */
function randomUuid(below: (bound: number) => number): string {
  return "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => below(16).toString(16));
}

const unknownRoom: CaseDefinition = {
  name: "session/never-existed",
  title: "A room that never existed cannot be joined, and trying does not make it",
  ids: [SESS_03],
  phase: "shared",
  run: async (t) => {
    const ids = [randomUuid((bound) => t.prng.below(bound)), "x".repeat(10_240)];
    await Promise.all(
      ids.map(async (id) => {
        const what = id.length > 100 ? "an id of 10 kB" : "a random UUID";
        for (const time of ["first", "second"]) checkRefused(t, SESS_03, `the ${time} try to join ${what}`, await tryJoin(t, id));
        if (!t.has("roomList")) return;
        const list = await listRooms(t, await t.user());
        if (list === undefined) t.inconclusive(SESS_03, "GET /rooms gave no list");
        else
          t.check(SESS_03, !list.has(id), {
            reason: "ghost",
            expected: `${what} is not in GET /rooms after it was refused`,
            seen: "it is listed",
          });
      }),
    );
  },
};

const malformedId: CaseDefinition = {
  name: "session/malformed-id",
  title: "An empty id and one that leads out of the path are refused",
  ids: [SESS_03],
  phase: "shared",
  run: async (t) => {
    const user = await t.user();
    for (const path of ["/rooms//ws", "/rooms/../ws"]) {
      for (const time of ["first", "second"]) {
        const { status, frames, closed } = await t.rawUpgrade(`${t.basePath}${path}`, user);
        const types = frames.map((frame) => (typeof frame === "string" ? asFields(parseJson(frame))["type"] : "binary"));
        const isIn = types.some((type) => type === "USER_JOINED" || type === "SYNC_FULL_STATE");
        const isRefused =
          (status >= 400 && status < 500) ||
          (status === 101 && !isIn && (closed !== undefined || types.includes("ERROR") || types.includes("validation")));
        const reason = isIn ? "not-refused" : status === 101 ? "silent" : "wrong-refusal";
        const seen = `${status}${types.length === 0 ? "" : `, ${types.join(", ")}`}${closed === undefined ? "" : `, closed ${closed.code}`}`;
        t.check(SESS_03, isRefused, { reason, expected: `the ${time} upgrade at ${path} is refused within ${SHALL_MS} ms`, seen });
      }
    }
  },
};

const expired: CaseDefinition = {
  name: "session/expired-room",
  title: "A room that was deleted cannot be joined again",
  ids: [SESS_03],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 120_000,
  run: async (t) => {
    const neverJoined = await createRoom(t);
    const emptied = await createRoom(t);
    await (await t.open({ room: emptied.roomId })).close();
    await sleepUntil(t, t.nowMs() + t.scaled(75_000));
    // Whether a room is deleted in time is judged by PLAY-HB-02 and 06; here it is enough that one of the two is gone.
    let gone = 0;
    for (const { roomId } of [neverJoined, emptied]) {
      const first = await tryJoin(t, roomId);
      if (first.kind === "joined") continue;
      gone += 1;
      checkRefused(t, SESS_03, "the first try to join an expired room", first);
      checkRefused(t, SESS_03, "the second try to join an expired room", await tryJoin(t, roomId));
      if (!t.has("roomList")) continue;
      const list = await listRooms(t, await t.user());
      if (list === undefined) t.inconclusive(SESS_03, "GET /rooms gave no list");
      else t.check(SESS_03, !list.has(roomId), { reason: "ghost", expected: "an expired room is not in GET /rooms", seen: "it is listed" });
    }
    if (gone === 0) throw new Precondition("no room was deleted in 75 s");
  },
};

const metadata: CaseDefinition = {
  name: "session/metadata",
  title: "What the creation returned agrees with what the room says of itself",
  ids: [SESS_05],
  phase: "shared",
  run: async (t) => {
    const { roomId, meta } = await createRoom(t, {
      name: "Metadata room",
      isPublic: false,
      maxParticipants: 7,
      mediaUrl: "https://media.example/a.mp4",
      mediaType: "video/mp4",
    });
    // Two members, since what the very first request of a room gets is PLAY-SESS-02's matter.
    const [client] = await t.openMany(2, { room: roomId });
    if (client === undefined) throw new Precondition("nobody joined");
    const { answer } = await ask(t, client, SHALL_MS);
    if (answer === undefined) throw new Precondition("SYNC_REQUEST got no answer");
    const shared = Object.keys(meta).filter((name) => Object.hasOwn(answer.fields, name));
    t.check(
      SESS_05,
      shared.length > 0,
      breach(t, client, "absent", "the full state holds fields of the creation's answer", Object.keys(answer.fields).join(", ")),
    );
    for (const name of shared) {
      const [told, held] = [JSON.stringify(meta[name]), JSON.stringify(answer.fields[name])];
      t.check(
        SESS_05,
        told === held,
        breach(t, client, "diverged", `${name} is ${told}, as the creation returned it`, `${name} is ${held}`),
      );
    }
  },
};

const places: CaseDefinition = {
  name: "session/places",
  title: "A room takes no more members than it has places",
  ids: [SESS_05],
  phase: "shared",
  needs: ["capacityLimit"],
  run: async (t) => {
    const maxParticipants = 4;
    // The creator holds a place from the creation on, so three more may enter.
    const { roomId } = await createRoom(t, { maxParticipants });
    const outcomes = await Promise.all((await t.users(8)).map((user) => tryJoin(t, roomId, user)));
    const joined = outcomes.filter((outcome) => outcome.kind === "joined");
    const last = joined.at(-1)?.client;
    t.check(SESS_05, joined.length <= maxParticipants - 1, () => ({
      reason: "over-limit",
      expected: `at most ${maxParticipants - 1} of 8 users enter a room of ${maxParticipants} places beside its creator`,
      seen: `${joined.length} entered`,
      ...(last === undefined ? {} : { witness: t.witness(last, 4) }),
    }));
    t.check(SESS_05, joined.length >= maxParticipants - 1, {
      reason: "wrong-refusal",
      expected: `every place is given: ${maxParticipants - 1} enter`,
      seen: `${joined.length} entered`,
    });
    for (const outcome of outcomes) if (outcome.kind !== "joined") checkRefused(t, SESS_05, "a user without a place", outcome);
    for (const { client } of joined) {
      const from = mark(client);
      client.read();
      const isServed = (await hear(client, (message) => message.type === "SYNC_FULL_STATE", { from })) !== undefined;
      t.check(
        SESS_05,
        isServed || client.closed === undefined,
        breach(t, client, "closed", "those inside stay when others are refused", `closed ${client.closed?.code}`),
      );
    }
  },
};

export const sessionCases: readonly CaseDefinition[] = [create, thousand, join, unknownRoom, malformedId, expired, metadata, places];
