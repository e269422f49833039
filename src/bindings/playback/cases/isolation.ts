import { Precondition, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { ask, breach, createRoom, heardOf, SHALL_MS, WATCH_MS } from "./support.ts";

const ISO_01 = requirementId("PLAY-ISO-01");

const redirected: CaseDefinition = {
  name: "isolation/room-id-inside-a-message",
  title: "A roomId inside a message does not lead it into another room",
  ids: [ISO_01],
  phase: "shared",
  run: async (t) => {
    const [own, foreign] = [await createRoom(t), await createRoom(t)];
    const writer = await t.open({ room: own.roomId });
    const stranger = await t.open({ room: foreign.roomId });
    const payloads = [{ currentTime: 66_001 }, { currentTime: 66_002, roomId: foreign.roomId }];
    for (const payload of payloads) writer.send(JSON.stringify({ type: "UPDATE_PLAYBACK", roomId: foreign.roomId, payload }));
    writer.send(JSON.stringify({ type: "SYNC_REQUEST", roomId: foreign.roomId, payload: { roomId: foreign.roomId } }));
    await t.sleep(WATCH_MS);
    for (const type of ["PLAYBACK_UPDATED", "SYNC_FULL_STATE"]) {
      const came = heardOf(stranger, type).length;
      t.check(ISO_01, came === 0, breach(t, stranger, "foreign", `no ${type} in a room in which nobody acted`, `${came} came`));
    }
    const leaked = heardOf(writer, "SYNC_FULL_STATE").find((message) => message.room?.roomId === foreign.roomId);
    t.check(
      ISO_01,
      leaked === undefined,
      breach(t, writer, "foreign", "the full state is that of the socket's own room", `that of ${foreign.roomId}`),
    );
    const { answer } = await ask(t, stranger, SHALL_MS);
    const state = answer?.room?.playbackState;
    if (state === undefined || state === null) throw new Precondition("SYNC_REQUEST got no usable answer");
    t.check(
      ISO_01,
      state.lastUpdatedBy !== writer.user.id && state.currentTime === 0,
      breach(t, stranger, "foreign", "the other room's state is untouched", JSON.stringify(state)),
    );
  },
};

const ownMarkers: CaseDefinition = {
  name: "isolation/own-last-marker",
  title: "Each of many rooms in use at once shows its own last update",
  ids: [ISO_01],
  phase: "shared",
  run: async (t) => {
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const { roomId } = await createRoom(t);
        const [left, right] = await t.openMany(2, { room: roomId });
        if (left === undefined || right === undefined) throw new Precondition("nobody joined");
        for (let n = 1; n <= 20; n += 1) (n % 2 === 0 ? left : right).write({ currentTime: index * 1_000 + n });
        await t.until(() => heardOf(left, "PLAYBACK_UPDATED").length >= 20, WATCH_MS);
        const url = (await ask(t, left, SHALL_MS)).answer?.room?.playbackState?.mediaUrl;
        if (url === undefined) {
          t.inconclusive(ISO_01, "SYNC_REQUEST got no usable answer");
          return;
        }
        const isOwn = [left, right].some((client) => url.includes(`&a=${client.number}&`));
        t.check(
          ISO_01,
          isOwn,
          breach(t, left, "foreign", `the full state shows a marker of client ${left.number} or ${right.number}`, url),
        );
      }),
    );
  },
};

export const isolationCases: readonly CaseDefinition[] = [redirected, ownMarkers];
