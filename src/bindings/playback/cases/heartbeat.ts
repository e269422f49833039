import { Precondition, type CaseClient, type CaseContext, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { differenceBetween, type Span } from "./model.ts";
import {
  ask,
  breach,
  createRoom,
  eachOf,
  hear,
  heardOf,
  isRefusal,
  isSuccess,
  listRooms,
  mark,
  sendUpdate,
  setKnown,
  SHALL_MS,
  sleepUntil,
  tryJoin,
  WATCH_MS,
  checkRefused,
  type CreatedRoom,
} from "./support.ts";
import { attempts, beat, BEAT_MS, GONE_MS, probeAlive, probeGone, ROOM_LIFE_MS, STILL_ALIVE_MS } from "./upkeep.ts";

const HB_01 = requirementId("PLAY-HB-01");
const HB_02 = requirementId("PLAY-HB-02");
const HB_03 = requirementId("PLAY-HB-03");
const HB_04 = requirementId("PLAY-HB-04");
const HB_05 = requirementId("PLAY-HB-05");
const HB_06 = requirementId("PLAY-HB-06");
const HB_07 = requirementId("PLAY-HB-07");
const HB_08 = requirementId("PLAY-HB-08");

const LATE = "the harness came too late to know";

const kept: CaseDefinition = {
  name: "heartbeat/keeps-a-room",
  title: "A heartbeat every 30 s keeps a room for 300 s",
  ids: [HB_01],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 400_000,
  run: async (t) => {
    const isJudged = await attempts(t, async () => {
      const { roomId } = await createRoom(t);
      const client = await t.open({ room: roomId });
      const beating = await beat(t, client, t.nowMs(), BEAT_MS, 300_000 / BEAT_MS);
      if (!beating.isOnTime) return "missed";
      const { answer } = await ask(t, client, SHALL_MS);
      t.check(
        HB_01,
        answer !== undefined,
        breach(
          t,
          client,
          "early",
          "SYNC_REQUEST is answered after 300 s with a heartbeat each 30 s",
          client.closed === undefined ? "no answer" : `closed ${client.closed.code} ${client.closed.reason}`,
        ),
      );
      if (answer === undefined) return "judged";
      const second = await tryJoin(t, roomId);
      t.check(HB_01, second.kind === "joined", breach(t, client, "early", "a second user can join after 300 s", second.text));
      return "judged";
    });
    if (!isJudged) t.inconclusive(HB_01, LATE);
  },
};

/** The last activity of a room that its users leave alone: a join, confirmed. */
type Abandon = (t: CaseContext) => Promise<{ readonly room: string; readonly activity: Span; readonly client: CaseClient }>;

const emptied: Abandon = async (t) => {
  const { roomId } = await createRoom(t);
  const low = t.nowMs();
  const client = await t.open({ room: roomId });
  const activity = { low, high: t.nowMs() };
  await client.close();
  return { room: roomId, activity, client };
};

const silent: Abandon = async (t) => {
  const { roomId } = await createRoom(t);
  const low = t.nowMs();
  const client = await t.open({ room: roomId });
  return { room: roomId, activity: { low, high: t.nowMs() }, client };
};

function deletion(name: string, words: string, abandon: Abandon, needs: readonly string[]): CaseDefinition {
  return {
    name: `heartbeat/${name}`,
    title: `A room with ${words} is alive at 55 s and deleted at 70 s`,
    ids: [HB_02],
    phase: "quiet",
    needs: ["longWaits", ...needs],
    limitMs: 250_000,
    run: async (t) => {
      const bounds: string[] = [];
      const lower = attempts(t, async () => {
        const { room, activity, client } = await abandon(t);
        const { kind, outcome } = await probeAlive(t, room, activity);
        if (kind === "missed") return "missed";
        if (
          t.check(
            HB_02,
            kind === "alive",
            breach(
              t,
              client,
              "early",
              `a room with ${words} can be joined ${STILL_ALIVE_MS / 1_000} s after its last activity`,
              outcome.text,
            ),
          )
        )
          bounds.push("alive at 55 s");
        return "judged";
      });
      const upper = (async () => {
        const { room, activity, client } = await abandon(t);
        const outcome = await probeGone(t, room, activity);
        if (outcome.kind === "joined")
          t.check(
            HB_02,
            false,
            breach(t, client, "late", `a room with ${words} cannot be joined ${GONE_MS / 1_000} s after its last activity`, outcome.text),
          );
        else if (checkRefused(t, HB_02, `a join ${GONE_MS / 1_000} s after the last activity`, outcome)) bounds.push("gone at 70 s");
      })();
      const [isLowerJudged] = await Promise.all([lower, upper]);
      if (!isLowerJudged) t.inconclusive(HB_02, LATE);
      t.report(HB_02, `${words}: ${bounds.join(", ") || "neither bound kept"}`);
    },
  };
}

const missed: CaseDefinition = {
  name: "heartbeat/one-missed",
  title: "Heartbeats 55 s apart keep a room and its state",
  ids: [HB_03],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 400_000,
  run: async (t) => {
    const isJudged = await attempts(t, async () => {
      const { roomId } = await createRoom(t);
      const client = await t.open({ room: roomId });
      const { broadcast } = await setKnown(t, client, "missed");
      const startMs = t.nowMs();
      client.keepalive();
      const beating = await beat(t, client, startMs, 55_000, 5);
      if (!beating.isOnTime) return "missed";
      const { answer } = await ask(t, client, SHALL_MS);
      const state = answer?.room?.playbackState ?? undefined;
      if (
        !t.check(
          HB_03,
          answer !== undefined,
          breach(
            t,
            client,
            "early",
            "the room is there after five rounds 55 s apart",
            client.closed === undefined ? "no answer" : `closed ${client.closed.code} ${client.closed.reason}`,
          ),
        )
      )
        return "judged";
      if (broadcast.state === undefined) return "judged";
      const difference = state === undefined ? "no playbackState" : differenceBetween(broadcast.state, state, 0, true);
      t.check(HB_03, difference === undefined, breach(t, client, "diverged", "the state is as it was before", difference ?? ""));
      return "judged";
    });
    if (!isJudged) t.inconclusive(HB_03, LATE);
  },
};

const forAll: CaseDefinition = {
  name: "heartbeat/of-one-for-all",
  title: "The heartbeats of one user keep the room for all of its users",
  ids: [HB_04],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 500_000,
  run: async (t) => {
    const isJudged = await attempts(t, async () => {
      const { roomId } = await createRoom(t);
      const clients = await t.openMany(5, { room: roomId });
      const [keeper, ...others] = clients;
      const [writer] = others;
      if (keeper === undefined || writer === undefined) throw new Precondition("nobody joined");
      const beating = await beat(t, keeper, t.nowMs(), BEAT_MS, 150_000 / BEAT_MS);
      if (!beating.isOnTime) return "missed";
      for (const client of others) {
        const reason = beating.isOpen ? "closed" : "early";
        t.check(
          HB_04,
          client.isOpen,
          breach(
            t,
            client,
            reason,
            "connected after 150 s in which another user sent the heartbeats",
            `closed ${client.closed?.code} ${client.closed?.reason ?? ""}`,
          ),
        );
      }
      if (!keeper.isOpen) return "judged";
      const change = { currentTime: 1_234, mediaUrl: "https://media.example/kept.mp4" };
      const from = others.map(mark);
      sendUpdate(keeper, change);
      await Promise.all(
        others.map(async (client, index) => {
          if (!client.isOpen) return;
          const message = await hear(client, (each) => each.type === "PLAYBACK_UPDATED" && each.fields["mediaUrl"] === change.mediaUrl, {
            from: from[index] ?? 0,
          });
          t.check(
            HB_04,
            message !== undefined,
            breach(t, client, "lost", "an update still reaches the others", `nothing in ${SHALL_MS} ms`),
          );
        }),
      );
      return "judged";
    });
    if (!isJudged) t.inconclusive(HB_04, LATE);
  },
};

/** Acts at 0, 40, 80 and 120 s; then the room is looked for at 140 s. Gives undefined when an act came too late. */
async function actEach40s(
  t: CaseContext,
  act: (client: CaseClient, n: number) => void,
): Promise<{ readonly client: CaseClient; readonly isAlive: boolean; readonly text: string } | undefined> {
  const { roomId } = await createRoom(t);
  const client = await t.open({ room: roomId });
  const startMs = t.nowMs();
  let lastMs = startMs;
  for (let n = 0; n <= 3 && client.isOpen; n += 1) {
    await sleepUntil(t, startMs + n * t.scaled(40_000));
    if (t.nowMs() - lastMs >= t.scaled(ROOM_LIFE_MS) * 0.98) return undefined;
    if (!client.isOpen) break;
    act(client, n);
    lastMs = t.nowMs();
  }
  if (!client.isOpen) return { client, isAlive: false, text: `closed ${client.closed?.code} ${client.closed?.reason ?? ""}` };
  await sleepUntil(t, startMs + t.scaled(140_000));
  const user = await t.user();
  const outcome = await tryJoin(t, roomId, user);
  const isAlive = outcome.kind === "joined";
  if (!isAlive && t.nowMs() - lastMs >= t.scaled(ROOM_LIFE_MS) * 0.98) return undefined;
  return { client, isAlive, text: outcome.text };
}

const byActing: CaseDefinition = {
  name: "heartbeat/actions-count",
  title: "Updates keep a room without any heartbeat; whether questions do is reported",
  ids: [HB_05],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 500_000,
  run: async (t) => {
    const byUpdates = attempts(t, async () => {
      const room = await actEach40s(t, (client, n) =>
        sendUpdate(client, { currentTime: n, mediaUrl: `https://media.example/active.mp4#${n}` }),
      );
      if (room === undefined) return "missed";
      t.check(HB_05, room.isAlive, breach(t, room.client, "early", "a room with an update each 40 s is alive after 140 s", room.text));
      return "judged";
    });
    const byQuestions = actEach40s(t, (client) => client.read());
    const [isJudged, asked] = await Promise.all([byUpdates, byQuestions]);
    if (!isJudged) t.inconclusive(HB_05, LATE);
    t.report(
      HB_05,
      asked === undefined ? `SYNC_REQUEST: ${LATE}` : `SYNC_REQUEST ${asked.isAlive ? "counts" : "does not count"} as activity`,
    );
  },
};

const NEVER_JOINED = 100;

/** 75 s after the last of a hundred creations: none can be joined, none is listed. */
/** So many rooms that were not deleted say what there is to say: each further one could take 5 s of silence. */
const KEPT_MAX = 5;

async function judgeNeverJoined(t: CaseContext, rooms: readonly CreatedRoom[]): Promise<void> {
  const users = await t.users(5);
  let kept = 0;
  const refused = await eachOf(rooms, users.length, async ({ roomId }, index) => {
    if (kept >= KEPT_MAX) return undefined;
    const outcome = await tryJoin(t, roomId, users[index % users.length]);
    if (checkRefused(t, HB_06, "a join 75 s after the creation of a room that nobody entered", outcome, "late")) return roomId;
    kept += 1;
    return undefined;
  });
  const [user] = users;
  if (user === undefined || !t.has("roomList")) return;
  const list = await listRooms(t, user);
  if (list === undefined) {
    t.inconclusive(HB_06, "GET /rooms gave no list");
    return;
  }
  const listed = refused.filter((id) => id !== undefined && list.has(id)).length;
  t.check(HB_06, listed === 0, {
    reason: "leaked",
    expected: "no deleted room in GET /rooms",
    seen: `${listed} of ${rooms.length} are listed`,
  });
}

async function createMany(t: CaseContext): Promise<readonly CreatedRoom[]> {
  const creators = await t.users(5);
  return eachOf(
    Array.from({ length: NEVER_JOINED }, (_, index) => index),
    creators.length,
    async (index) => createRoom(t, {}, creators[index % creators.length]),
  );
}

const neverJoined: CaseDefinition = {
  name: "heartbeat/never-joined",
  title: "Rooms that were created and never joined are deleted too",
  ids: [HB_06],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 150_000,
  run: async (t) => {
    const rooms = await createMany(t);
    await sleepUntil(t, t.nowMs() + t.scaled(75_000));
    await judgeNeverJoined(t, rooms);
  },
};

const countedBack: CaseDefinition = {
  name: "heartbeat/rooms-open-returns",
  title: "The count of open rooms is back at its start after never-joined rooms are deleted",
  ids: [HB_06],
  phase: "exclusive",
  needs: ["longWaits", "metrics"],
  limitMs: 150_000,
  run: async (t) => {
    const user = await t.user();
    const listBefore = t.has("roomList") ? await listRooms(t, user) : undefined;
    const before = (await t.metrics())?.["rooms_open"];
    if (before === undefined) throw new Precondition("there is no metric rooms_open");
    const rooms = await createMany(t);
    await sleepUntil(t, t.nowMs() + t.scaled(75_000));
    const after = (await t.metrics())?.["rooms_open"];
    if (after === undefined) throw new Precondition("there is no metric rooms_open");
    const listAfter = t.has("roomList") ? await listRooms(t, user) : undefined;
    // Rooms of before that went meanwhile count no more.
    const vanished = listBefore === undefined || listAfter === undefined ? 0 : [...listBefore].filter((id) => !listAfter.has(id)).length;
    t.check(HB_06, after <= before - Math.min(vanished, before) || after === 0, {
      reason: "leaked",
      expected: `rooms_open is back at ${before - vanished} once ${rooms.length} rooms are deleted`,
      seen: String(after),
    });
  },
};

const isFinal: CaseDefinition = {
  name: "heartbeat/deletion-is-final",
  title: "Sockets still in a deleted room learn of it, and nothing brings the room back",
  ids: [HB_07],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 150_000,
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [client, other] = await t.openMany(2, { room: roomId });
    if (client === undefined || other === undefined) throw new Precondition("nobody joined");
    const hasLearnt = (each: CaseClient): boolean =>
      each.closed !== undefined || heardOf(each, "ERROR").length > 0 || heardOf(each, "validation").length > 0;
    await t.until(() => hasLearnt(client) && hasLearnt(other), t.scaled(GONE_MS) + SHALL_MS);
    const outcome = await tryJoin(t, roomId);
    if (outcome.kind === "joined") throw new Precondition("the room was not deleted");
    for (const each of [client, other]) {
      t.check(
        HB_07,
        hasLearnt(each),
        breach(t, each, "silent", "an error frame or a close within 5 s of the deletion", "the socket is open and heard nothing"),
      );
    }
    await afterlife(t, client, other);
    checkRefused(t, HB_07, "a join of a deleted room", await tryJoin(t, roomId));
    if (!t.has("roomList")) return;
    const answer = await t.http({ method: "GET", path: `/rooms/${encodeURIComponent(roomId)}` }, await t.user());
    if ("failure" in answer) t.inconclusive(HB_07, `GET /rooms/:roomId: ${answer.failure}`);
    else
      t.check(HB_07, !isSuccess(answer.status), {
        reason: "not-refused",
        expected: "GET /rooms/:roomId of a deleted room is refused",
        seen: `${answer.status} ${answer.body.slice(0, 200)}`,
      });
  },
};

/** Every type of message on a socket of a deleted room, if it is still open: without effect. */
async function afterlife(t: CaseContext, client: CaseClient, other: CaseClient): Promise<void> {
  if (!client.isOpen) return;
  const from = mark(client);
  const fromOther = mark(other);
  client.keepalive();
  sendUpdate(client, { currentTime: 99 });
  client.read();
  const isState = (type: string): boolean => type === "SYNC_FULL_STATE" || type === "PLAYBACK_UPDATED";
  await hear(client, (message) => isState(message.type) || isRefusal(message), { from, withinMs: WATCH_MS });
  await t.sleep(WATCH_MS / 4);
  for (const [each, begin] of [
    [client, from],
    [other, fromOther],
  ] as const) {
    const answer = ["SYNC_FULL_STATE", "PLAYBACK_UPDATED"].find((type) => heardOf(each, type, begin).length > 0);
    t.check(HB_07, answer === undefined, breach(t, each, "not-refused", "messages to a deleted room are without effect", `${answer} came`));
  }
}

const keptWhole: readonly CaseDefinition[] = [50, 70, 130, 190].map((seconds) => ({
  name: `heartbeat/kept-whole-${seconds}s`,
  title: `A room kept by heartbeats alone is whole after ${seconds} s`,
  ids: [HB_08],
  phase: "quiet",
  needs: ["longWaits"],
  limitMs: 600_000,
  run: async (t) => {
    const isJudged = await attempts(t, async () => {
      const { roomId, meta, creator } = await createRoom(t, { name: "Kept whole", isPublic: false, maxParticipants: 6 });
      const client = await t.open({ room: roomId });
      const { broadcast } = await setKnown(t, client, "kept");
      const startMs = t.nowMs();
      const beating = await beat(t, client, startMs, BEAT_MS, Math.floor(seconds / (BEAT_MS / 1_000)));
      await sleepUntil(t, startMs + t.scaled(seconds * 1_000));
      if (!beating.isOnTime || t.nowMs() - beating.lastMs >= t.scaled(ROOM_LIFE_MS)) return "missed";
      const { answer } = await ask(t, client, SHALL_MS);
      // A room that is gone was not kept alive: PLAY-HB-01 judges that.
      if (answer === undefined) throw new Precondition("the room was not kept, or does not answer");
      for (const name of Object.keys(meta).filter((each) => Object.hasOwn(answer.fields, each))) {
        const [was, is] = [JSON.stringify(meta[name]), JSON.stringify(answer.fields[name])];
        t.check(HB_08, was === is, breach(t, client, "lost", `${name} is ${was} still`, `${name} is ${is}`));
      }
      const state = answer.room?.playbackState ?? undefined;
      if (broadcast.state !== undefined) {
        const difference = state === undefined ? "no playbackState" : differenceBetween(broadcast.state, state, 0, true);
        t.check(HB_08, difference === undefined, breach(t, client, "lost", "the playback state is as it was", difference ?? ""));
      }
      const members = [...(answer.room?.members ?? [])].sort();
      const wanted = [creator.id, client.user.id].sort();
      if (t.has("presence"))
        t.check(
          HB_08,
          members.join() === wanted.join(),
          breach(t, client, "lost", `members are ${wanted.join(", ")} still`, members.join(", ")),
        );
      return "judged";
    });
    if (!isJudged) t.inconclusive(HB_08, LATE);
  },
}));

export const heartbeatCases: readonly CaseDefinition[] = [
  kept,
  deletion("emptied-room-deleted", "no users left (a)", emptied, ["emptyRoomKept"]),
  deletion("silent-room-deleted", "one silent socket (b)", silent, []),
  missed,
  forAll,
  byActing,
  neverJoined,
  countedBack,
  isFinal,
  ...keptWhole,
];
