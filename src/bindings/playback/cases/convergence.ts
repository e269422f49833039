import { Precondition, type CaseClient, type CaseContext, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Playback, PlaybackState } from "../messages.ts";
import { applyUpdate, describeModel, differenceBetween, differenceFrom, freshModel, type Model, type Span } from "./model.ts";
import {
  ask,
  breach,
  createRoom,
  hear,
  heardOf,
  isOf,
  knownState,
  mark,
  quiesce,
  sendUpdate,
  SHALL_MS,
  update,
  WATCH_MS,
  type Heard,
} from "./support.ts";

const CONV_01 = requirementId("PLAY-CONV-01");
const CONV_02 = requirementId("PLAY-CONV-02");
const CONV_03 = requirementId("PLAY-CONV-03");
const CONV_04 = requirementId("PLAY-CONV-04");
const CONV_05 = requirementId("PLAY-CONV-05");
const CONV_06 = requirementId("PLAY-CONV-06");
const CONV_08 = requirementId("PLAY-CONV-08");

const ASKS = 3;

const current: CaseDefinition = {
  name: "convergence/sync-is-current",
  title: "SYNC_REQUEST is answered with the room's current state, each time",
  ids: [CONV_01],
  phase: "shared",
  run: async (t) => {
    const { roomId, creator, at } = await createRoom(t);
    const [author, asker] = await t.openMany(2, { room: roomId });
    if (author === undefined || asker === undefined) throw new Precondition("nobody joined");
    let model = freshModel({}, creator.id, at, t.has("positionMoves"));
    for (const change of [
      knownState("first"),
      { ...knownState("second"), currentTime: 5_000 },
      { ...knownState("third", true), currentTime: 60_000 },
    ]) {
      const before = model;
      const taken = await update(author, change, [author, asker], t);
      model = applyUpdate(model, change, author.user.id, taken.at);
      for (let n = 1; n <= ASKS; n += 1) {
        const { at: asked, answer } = await ask(t, asker);
        if (
          !t.check(
            CONV_01,
            answer !== undefined,
            breach(t, asker, "silent", `SYNC_FULL_STATE within ${WATCH_MS} ms, ${n} of ${ASKS}`, "no answer"),
          )
        )
          continue;
        const state = answer?.room?.playbackState ?? undefined;
        if (
          !t.check(
            CONV_01,
            state !== undefined,
            breach(t, asker, "malformed", "a whole RoomFullState with its playbackState", JSON.stringify(answer?.fields).slice(0, 300)),
          )
        )
          continue;
        if (state === undefined) continue;
        const difference = differenceFrom(model, state, asked);
        const isStale = difference !== undefined && differenceFrom(before, state, asked) === undefined;
        t.check(
          CONV_01,
          difference === undefined,
          breach(t, asker, isStale ? "stale" : "diverged", describeModel(model, asked), difference ?? ""),
        );
        const broadcast = taken.broadcast?.state;
        if (difference !== undefined || broadcast === undefined) continue;
        t.check(
          CONV_01,
          state.lastUpdated === broadcast.lastUpdated,
          breach(t, asker, "diverged", `lastUpdated as broadcast, ${broadcast.lastUpdated}`, state.lastUpdated),
        );
      }
    }
    const answers = heardOf(asker, "SYNC_FULL_STATE").length;
    const asks = asker.seen.filter((observation) => observation.kind === "invoked" && observation.act === "read").length;
    // One more is the state that a server may push at the join (P-11).
    t.check(CONV_01, answers <= asks + 1, breach(t, asker, "doubled", `${asks} answers to ${asks} requests`, `${answers}`));
  },
};

const privately: CaseDefinition = {
  name: "convergence/sync-is-private",
  title: "The full state goes to the one who asked, not to everybody",
  ids: [CONV_02],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [asker, ...idle] = await t.openMany(3, { room: roomId });
    if (asker === undefined) throw new Precondition("nobody joined");
    // A server may push the state at a join (P-11): that has to be over.
    await quiesce(t, idle, 250, 5_000);
    const from = idle.map(mark);
    const { answer } = await ask(t, asker, SHALL_MS);
    if (answer === undefined) throw new Precondition("SYNC_REQUEST got no answer");
    await t.sleep(WATCH_MS);
    idle.forEach((client, index) => {
      const got = heardOf(client, "SYNC_FULL_STATE", from[index] ?? 0).length;
      t.check(CONV_02, got === 0, breach(t, client, "leaked", `no SYNC_FULL_STATE in ${WATCH_MS} ms at one who did not ask`, `${got}`));
    });
  },
};

const lateAfter: readonly CaseDefinition[] = [1, 10, 100].map((count) => ({
  name: `convergence/late-join-after-${count}`,
  title: `Who enters after ${count} update${count === 1 ? "" : "s"} and asks gets the state as last broadcast`,
  ids: [CONV_03],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const author = await t.open({ room: roomId });
    const listener = t.has("echoToSender") ? author : await t.open({ room: roomId });
    for (let n = 1; n < count; n += 1)
      sendUpdate(author, { mediaUrl: `https://media.example/late.mp4#${n}`, isPlaying: n % 2 === 0, currentTime: n * 1_000 });
    const pause = { isPlaying: false, currentTime: count * 1_000 + 7 };
    const { broadcast } = await update(author, pause, [listener], t);
    const last = broadcast?.state;
    if (last === undefined) throw new Precondition("the last update was not broadcast whole");
    const newcomer = await t.open({ room: roomId });
    const { answer } = await ask(t, newcomer, SHALL_MS);
    if (answer === undefined) throw new Precondition("SYNC_REQUEST got no answer");
    const state = answer.room?.playbackState ?? undefined;
    if (
      !t.check(
        CONV_03,
        state !== undefined,
        breach(t, newcomer, "absent", "a full state with its playbackState", JSON.stringify(answer.fields).slice(0, 300)),
      )
    )
      return;
    if (state === undefined) return;
    const difference = differenceBetween(last, state, 0, true);
    t.check(
      CONV_03,
      difference === undefined,
      breach(t, newcomer, "stale", `the state of the last broadcast before the entry: ${JSON.stringify(last)}`, difference ?? ""),
    );
  },
}));

const lateFresh: readonly CaseDefinition[] = [false, true].map((isPlaying) => ({
  name: `convergence/fresh-room-${isPlaying ? "playing" : "paused"}`,
  title: `Who asks in a room made ${isPlaying ? "playing" : "paused"} where nobody acted yet gets its first state`,
  ids: [CONV_03],
  phase: "shared",
  run: async (t) => {
    const made = { mediaUrl: "https://media.example/fresh.mp4", mediaType: "video/mp4", isPlaying };
    const { roomId, creator, at, meta } = await createRoom(t, made);
    await t.open({ room: roomId });
    const newcomer = await t.open({ room: roomId });
    const { at: asked, answer } = await ask(t, newcomer, SHALL_MS);
    if (answer === undefined) throw new Precondition("SYNC_REQUEST got no answer");
    const state = answer.room?.playbackState ?? undefined;
    if (
      !t.check(
        CONV_03,
        state !== undefined,
        breach(t, newcomer, "absent", "a full state with its playbackState", JSON.stringify(answer.fields).slice(0, 300)),
      )
    )
      return;
    if (state === undefined) return;
    const model = freshModel(made, creator.id, at, t.has("positionMoves"));
    const difference = differenceFrom(model, state, asked);
    t.check(CONV_03, difference === undefined, breach(t, newcomer, "diverged", describeModel(model, asked), difference ?? ""));
    const [created, updated] = [Date.parse(String(meta["createdAt"])), Date.parse(state.lastUpdated)];
    if (Number.isNaN(created)) return;
    t.check(
      CONV_03,
      Math.abs(updated - created) <= 1_000,
      breach(t, newcomer, "diverged", `lastUpdated is the creation, ${String(meta["createdAt"])}`, state.lastUpdated),
    );
  },
}));

/** Judges that one message came to each socket exactly once, and in time. */
function judgeDelivery(
  t: CaseContext,
  clients: readonly CaseClient[],
  what: string,
  sentMs: number,
  came: (client: CaseClient) => readonly Heard[],
): void {
  for (const client of clients) {
    const copies = came(client);
    const lateMs = (copies[0]?.atMs ?? Infinity) - sentMs;
    const reason = copies.length === 0 ? "lost" : copies.length > 1 ? "doubled" : "late";
    const seen =
      copies.length === 0
        ? "it never came"
        : copies.length > 1
          ? `it came ${copies.length} times`
          : `it came after ${Math.round(lateMs)} ms`;
    t.check(
      CONV_04,
      copies.length === 1 && lateMs <= WATCH_MS,
      breach(t, client, reason, `${what} comes once to client ${client.number}, within ${WATCH_MS} ms`, seen),
    );
  }
}

const inTurn: CaseDefinition = {
  name: "convergence/broadcast-in-turn",
  title: "Every update of every user reaches every socket of the room once, the author's own included",
  ids: [CONV_04],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const users = await t.openMany(5, { room: roomId });
    const first = users[0];
    if (first === undefined) throw new Precondition("nobody joined");
    // Broadcasts go to every socket of a user (P-2).
    const sockets = [...users, await t.open({ room: roomId, user: first.user })];
    const sent: { readonly author: CaseClient; readonly mediaUrl: string; readonly atMs: number }[] = [];
    for (let round = 1; round <= 4; round += 1) {
      for (const author of users) {
        const mediaUrl = `https://media.example/turn.mp4#${author.number}-${round}`;
        sent.push({ author, mediaUrl, atMs: t.nowMs() });
        await update(author, { mediaUrl }, sockets, t);
      }
    }
    await quiesce(t, sockets, WATCH_MS);
    for (const { author, mediaUrl, atMs } of sent) {
      const due = t.has("echoToSender") ? sockets : sockets.filter((client) => client.user.id !== author.user.id);
      judgeDelivery(t, due, `the update ${mediaUrl} of client ${author.number}`, atMs, (client) =>
        heardOf(client, "PLAYBACK_UPDATED").filter((message) => message.fields["mediaUrl"] === mediaUrl),
      );
    }
  },
};

const SINGLE: readonly Partial<Playback>[] = [
  {},
  { mediaUrl: "https://media.example/single.mp4" },
  { mediaType: "audio/ogg" },
  { currentTime: 77_000 },
  { playbackSpeed: 1.5 },
  { isPlaying: true },
  {},
  { isPlaying: false },
];

const singleFields: CaseDefinition = {
  name: "convergence/broadcast-single-fields",
  title: "An update of one field and an empty one are broadcast once each, and take effect",
  ids: [CONV_04],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [left, right] = await t.openMany(2, { room: roomId });
    if (left === undefined || right === undefined) throw new Precondition("nobody joined");
    const steps: {
      readonly author: CaseClient;
      readonly change: Partial<Playback>;
      readonly atMs: number;
      readonly from: ReadonlyMap<CaseClient, number>;
    }[] = [];
    for (const [index, change] of SINGLE.entries()) {
      // The author changes each time, so that a broadcast says whose update it shows.
      const author = index % 2 === 0 ? left : right;
      const from = new Map([left, right].map((client) => [client, mark(client)]));
      steps.push({ author, change, atMs: t.nowMs(), from });
      sendUpdate(author, change);
      const due = [left, right].filter((client) => client !== author || t.has("echoToSender"));
      await Promise.all(
        due.map((client) =>
          hear(client, (message) => message.type === "PLAYBACK_UPDATED", { from: from.get(client) ?? 0, withinMs: WATCH_MS }),
        ),
      );
    }
    await t.sleep(WATCH_MS);
    steps.forEach(({ author, change, atMs, from }, index) => {
      const next = steps[index + 1]?.from;
      const what = `the update ${JSON.stringify(change)} of client ${author.number}`;
      const due = [left, right].filter((client) => client !== author || t.has("echoToSender"));
      const came = (client: CaseClient): readonly Heard[] =>
        heardOf(client, "PLAYBACK_UPDATED").filter((message) => {
          const messages = heardOf(client, "PLAYBACK_UPDATED", from.get(client) ?? 0);
          const later = next === undefined ? [] : heardOf(client, "PLAYBACK_UPDATED", next.get(client) ?? 0);
          return messages.includes(message) && !later.includes(message);
        });
      judgeDelivery(t, due, what, atMs, came);
      for (const client of due) {
        const message = came(client)[0];
        if (message === undefined) continue;
        t.check(
          CONV_04,
          isOf(message, change, author.user.id),
          breach(t, client, "diverged", `${what} is shown in its broadcast, with its author`, JSON.stringify(message.fields).slice(0, 300)),
        );
      }
    });
  },
};

/** The fields of PlaybackState with their types on the wire. */
const STATE_FIELDS = {
  mediaUrl: "string",
  mediaType: "string",
  isPlaying: "boolean",
  currentTime: "number",
  playbackSpeed: "number",
  lastUpdatedBy: "string",
  lastUpdated: "string",
} as const satisfies Record<keyof PlaybackState, string>;

const whole: CaseDefinition = {
  name: "convergence/broadcast-is-whole",
  title: "A broadcast carries the whole state, whatever the update named",
  ids: [CONV_05],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [author, listener] = await t.openMany(2, { room: roomId });
    if (author === undefined || listener === undefined) throw new Precondition("nobody joined");
    sendUpdate(author, knownState("whole"));
    for (const change of [
      { mediaType: "video/ogg" },
      { currentTime: 9_000 },
      { isPlaying: true },
      { mediaUrl: "https://media.example/next.mp4" },
    ]) {
      const { at: taken, broadcast } = await update(author, change, [listener], t);
      if (broadcast === undefined) {
        t.inconclusive(CONV_05, `the update ${JSON.stringify(change)} was not broadcast`);
        continue;
      }
      for (const [name, type] of Object.entries(STATE_FIELDS)) {
        const value = broadcast.fields[name];
        t.check(
          CONV_05,
          typeof value === type,
          breach(
            t,
            listener,
            value === undefined ? "absent" : "malformed",
            `the broadcast holds ${name}, a ${type}`,
            JSON.stringify(broadcast.fields),
          ),
        );
      }
      // The author asks: what is told to others is PLAY-CONV-01's matter.
      const { at, answer } = await ask(t, author);
      const state = answer?.room?.playbackState ?? undefined;
      if (broadcast.state === undefined || state === undefined) continue;
      if (!t.has("positionMoves") && state.isPlaying) continue;
      // From the sending on: the broadcast may have been made long before it was read here.
      const difference = differenceBetween(broadcast.state, state, at.high - taken.low, true);
      t.check(
        CONV_05,
        difference === undefined,
        breach(t, author, "diverged", "SYNC_FULL_STATE right after holds the state broadcast", difference ?? ""),
      );
    }
  },
};

/** Long enough that a position that is lost is off by more than the drift allowed. */
const PLAY_MS = 1_200;

const acts: readonly { readonly change: Partial<Playback>; readonly thenMs: number }[] = [
  { change: { mediaUrl: "https://media.example/acts.mp4", mediaType: "video/mp4" }, thenMs: 0 },
  { change: { isPlaying: true }, thenMs: PLAY_MS },
  { change: { currentTime: 600_000 }, thenMs: PLAY_MS },
  { change: { isPlaying: false }, thenMs: 0 },
  { change: { isPlaying: true }, thenMs: PLAY_MS },
  { change: { playbackSpeed: 2 }, thenMs: PLAY_MS },
  { change: { mediaUrl: "https://media.example/other.mp4" }, thenMs: 0 },
  { change: { isPlaying: false }, thenMs: 0 },
  { change: { playbackSpeed: 0.5 }, thenMs: 0 },
  { change: { currentTime: 42 }, thenMs: 0 },
];

const playPauseSeek: CaseDefinition = {
  name: "convergence/play-pause-seek",
  title: "Play, pause, seek, speed and media each change what they name and nothing else",
  ids: [CONV_06],
  phase: "shared",
  run: async (t) => {
    const { roomId, creator, at } = await createRoom(t);
    const [author, listener] = await t.openMany(2, { room: roomId });
    if (author === undefined || listener === undefined) throw new Precondition("nobody joined");
    let model: Model = freshModel({}, creator.id, at, t.has("positionMoves"));
    for (const { change, thenMs } of acts) {
      const { at: taken, broadcast } = await update(author, change, [author, listener], t);
      model = applyUpdate(model, change, author.user.id, taken);
      // What a broadcast lost on the way does not show, the answer shows.
      const seen = broadcast ?? (await ask(t, author)).answer;
      const fields = broadcast?.fields ?? seen?.room?.playbackState ?? undefined;
      if (fields === undefined) {
        t.inconclusive(CONV_06, `no state was seen after ${JSON.stringify(change)}`);
        continue;
      }
      const span: Span = { low: taken.low, high: seen?.atMs ?? t.nowMs() };
      const difference = differenceFrom(model, fields, span);
      t.check(
        CONV_06,
        difference === undefined,
        breach(
          t,
          broadcast === undefined ? author : listener,
          "diverged",
          `after ${JSON.stringify(change)}: ${describeModel(model, span)}`,
          difference ?? "",
        ),
      );
      if (difference !== undefined) return;
      if (thenMs > 0) await t.sleep(thenMs);
    }
  },
};

const notSettable: CaseDefinition = {
  name: "convergence/author-and-time-are-the-servers",
  title: "An update cannot set its own author, its time, or a field that the protocol does not have",
  ids: [CONV_06],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [author, listener] = await t.openMany(2, { room: roomId });
    if (author === undefined || listener === undefined) throw new Precondition("nobody joined");
    const forged = { lastUpdatedBy: "somebody-else", lastUpdated: "2001-01-01T00:00:00.000Z", rollcallUnknown: 1 };
    const from = mark(listener);
    sendUpdate(author, { currentTime: 4_711, isPlaying: false, ...forged });
    const broadcast = await hear(listener, (message) => message.type === "PLAYBACK_UPDATED", { from, withinMs: WATCH_MS });
    const closed = author.closed !== undefined;
    const { answer } = await ask(t, closed ? listener : author, SHALL_MS);
    const shown = [broadcast?.fields, answer?.room?.playbackState === null ? undefined : answer?.room?.playbackState].filter(
      (fields) => fields !== undefined,
    );
    if (shown.length === 0) throw new Precondition("no state was seen after the update");
    for (const fields of shown) {
      for (const [name, value] of Object.entries(forged)) {
        const held: unknown = Object.entries(fields).find(([key]) => key === name)?.[1];
        t.check(
          CONV_06,
          held !== value,
          breach(t, listener, "not-refused", `${name} is not taken over from an update`, `${name} is ${JSON.stringify(held)}`),
        );
      }
    }
    const said = broadcast?.fields["lastUpdatedBy"];
    if (said !== undefined)
      t.check(
        CONV_06,
        said === author.user.id,
        breach(t, listener, "not-refused", `the author is ${author.user.id}`, JSON.stringify(said)),
      );
  },
};

const STORM_USERS = 20;
const STORM_UPDATES = 50;

const storm: CaseDefinition = {
  name: "convergence/after-a-storm",
  title: "After a storm every user's last broadcast and a fresh full state are the same",
  ids: [CONV_08],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { roomId } = await createRoom(t, { maxParticipants: STORM_USERS + 1 });
    const clients = await t.openMany(STORM_USERS, { room: roomId });
    const last = clients[0];
    if (last === undefined) throw new Precondition("nobody joined");
    const prng = t.prng.fork("storm");
    for (let round = 0; round < STORM_UPDATES; round += 1) {
      for (const client of clients) sendUpdate(client, randomChange(prng.below, `${client.number}-${round}`));
      await t.sleep(10);
    }
    const pause = { isPlaying: false, currentTime: 31_415 };
    await quiesce(t, clients, 250, 10_000);
    await update(last, pause, clients, t);
    const due = t.has("echoToSender") ? clients : clients.slice(1);
    if (!(await quiesce(t, clients))) {
      t.inconclusive(CONV_08, "the traffic never stopped");
      return;
    }
    const answers = await Promise.all(clients.map((client) => ask(t, client)));
    const states = answers.map(({ answer }) => answer?.room?.playbackState ?? undefined);
    const reference =
      heardOf(last, "PLAYBACK_UPDATED").at(-1)?.state ??
      due.map((client) => heardOf(client, "PLAYBACK_UPDATED").at(-1)?.state).find((state) => state !== undefined);
    if (reference === undefined) throw new Precondition("no broadcast was seen");
    for (const client of due) {
      const state = heardOf(client, "PLAYBACK_UPDATED").at(-1)?.state;
      const difference = state === undefined ? "no whole broadcast was seen" : differenceBetween(reference, state, 0, true);
      t.check(
        CONV_08,
        difference === undefined,
        breach(t, client, "diverged", `the last broadcast at client ${client.number} is that at client ${last.number}`, difference ?? ""),
      );
    }
    clients.forEach((client, index) => {
      const state = states[index];
      if (state === undefined) {
        t.inconclusive(CONV_08, `SYNC_REQUEST of client ${client.number} got no usable answer`);
        return;
      }
      const difference = differenceBetween(reference, state, 0, true);
      t.check(
        CONV_08,
        difference === undefined,
        breach(t, client, "diverged", `the full state at client ${client.number} is the last broadcast`, difference ?? ""),
      );
    });
  },
};

/** Some of the fields, at random; two at least, the media among them, so that no two updates are alike. */
function randomChange(below: (bound: number) => number, label: string): Partial<Playback> {
  return {
    mediaUrl: `https://media.example/storm.mp4#${label}`,
    currentTime: below(1_000_000),
    ...(below(2) === 0 ? { isPlaying: below(2) === 0 } : {}),
    ...(below(3) === 0 ? { playbackSpeed: [0.5, 1, 1.5, 2][below(4)] ?? 1 } : {}),
  };
}

export const convergenceCases: readonly CaseDefinition[] = [
  current,
  privately,
  ...lateAfter,
  ...lateFresh,
  inTurn,
  singleFields,
  whole,
  playPauseSeek,
  notSettable,
  storm,
];
