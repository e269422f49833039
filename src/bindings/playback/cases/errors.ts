import { Precondition, type CaseClient, type CaseContext, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { PlaybackState } from "../messages.ts";
import { differenceBetween } from "./model.ts";
import {
  ask,
  createRoom,
  hearAny,
  postRoom,
  setKnown,
  sendUpdate,
  SHALL_MS,
  tryJoin,
  WATCH_MS,
  isSuccess,
  breach,
  mark,
} from "./support.ts";

const ROB_01 = requirementId("PLAY-ROB-01");
const ROB_02 = requirementId("PLAY-ROB-02");

const RESTART_MS = 30_000;

const restart: CaseDefinition = {
  name: "robustness/restart",
  title: "After a restart of the server a live room works with its last state, or joins are refused",
  ids: [ROB_02],
  phase: "exclusive",
  needs: ["restart"],
  limitMs: 90_000,
  run: async (t) => {
    const control = t.process;
    if (control === undefined) throw new Precondition("there is no process control");
    const { roomId } = await createRoom(t);
    const [author] = await t.openMany(2, { room: roomId });
    if (author === undefined) throw new Precondition("nobody joined");
    const { broadcast } = await setKnown(t, author, "restart");
    await control.restart();
    const { kind, client, text } = await joinAgain(t, roomId, author);
    const reason = kind === "silent" ? "silent" : "wrong-refusal";
    t.check(
      ROB_02,
      kind === "joined" || kind === "refused",
      breach(t, client, reason, `within ${RESTART_MS} ms a join of the room of before is served or refused`, text),
    );
    if (kind === "refused") t.report(ROB_02, "after a restart joins of rooms of before are refused");
    if (kind !== "joined") return;
    t.report(ROB_02, "after a restart rooms of before are served");
    await judgeServed(t, client, broadcast.state);
  },
};

/** Tries until the server is back: served or refused, at the latest when the time is over. */
async function joinAgain(t: CaseContext, roomId: string, who: CaseClient): ReturnType<typeof tryJoin> {
  const endMs = t.nowMs() + RESTART_MS;
  for (;;) {
    const outcome = await tryJoin(t, roomId, who.user, Math.min(SHALL_MS, Math.max(0, endMs - t.nowMs())));
    if (outcome.kind === "joined" || outcome.kind === "refused" || t.nowMs() >= endMs) return outcome;
    await t.sleep(250);
  }
}

async function judgeServed(t: CaseContext, client: CaseClient, last: PlaybackState | undefined): Promise<void> {
  const { answer } = await ask(t, client, SHALL_MS);
  const state = answer?.room?.playbackState ?? undefined;
  if (
    !t.check(
      ROB_02,
      state !== undefined,
      breach(t, client, "silent", "a room that can be joined after a restart answers with its state", "no usable answer"),
    ) ||
    state === undefined ||
    last === undefined
  )
    return;
  const difference = differenceBetween(last, state, 0, true);
  t.check(ROB_02, difference === undefined, breach(t, client, "stale", "the room has its last state", difference ?? ""));
  const from = mark(client);
  sendUpdate(client, { currentTime: 5 });
  const broadcast = await hearAny([client], (message) => message.type === "PLAYBACK_UPDATED", { from: [from], withinMs: WATCH_MS });
  if (t.has("echoToSender"))
    t.check(ROB_02, broadcast !== undefined, breach(t, client, "lost", "the room takes updates", `no broadcast in ${WATCH_MS} ms`));
}

const malformedHttp: CaseDefinition = {
  name: "robustness/creation-bodies",
  title: "Unusable bodies of POST /rooms do not keep the server from making rooms",
  ids: [ROB_01],
  phase: "exclusive",
  run: async (t) => {
    const user = await t.user();
    const bodies = [
      "",
      "null",
      "[]",
      "{",
      '{"name":7}',
      '{"name":"ab"}',
      `{"name":"${"x".repeat(100_000)}"}`,
      '{"name":"room","maxParticipants":1e400}',
      "\u0000\ufffd",
    ];
    for (const body of bodies)
      await t.http({ method: "POST", path: "/rooms", headers: { "content-type": "application/json" }, body }, user);
    const answer = await postRoom(t, user);
    const holds = !("failure" in answer) && isSuccess(answer.status);
    t.check(ROB_01, holds, {
      reason: "crashed",
      expected: "POST /rooms still makes a room",
      seen: "failure" in answer ? answer.failure : `${answer.status} ${answer.body.slice(0, 200)}`,
    });
  },
};

export const errorCases: readonly CaseDefinition[] = [malformedHttp, restart];
