import { Precondition, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { differenceBetween } from "./model.ts";
import { ask, breach, createRoom, hear, heardOf, mark, SHALL_MS, setKnown, sleepUntil, tryJoin, WATCH_MS } from "./support.ts";
import { keepAlive } from "./upkeep.ts";

const RES_01 = requirementId("PLAY-RES-01");

const reconnects: readonly CaseDefinition[] = [5, 45].map((seconds) => ({
  name: `resume/after-${seconds}s`,
  title: `A user whose connection was cut comes back after ${seconds} s and gets the present state`,
  ids: [RES_01],
  phase: "quiet",
  ...(seconds > 5 ? { needs: ["longWaits"] } : {}),
  limitMs: seconds > 5 ? 90_000 : 30_000,
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [other, lost] = await t.openMany(2, { room: roomId });
    if (other === undefined || lost === undefined) throw new Precondition("nobody joined");
    await setKnown(t, lost, "before-the-cut");
    lost.cut();
    const cutMs = t.nowMs();
    const kept = keepAlive(t, other);
    const { broadcast } = await setKnown(t, other, "after-the-cut");
    await sleepUntil(t, cutMs + t.scaled(seconds * 1_000));
    const { kind, text, client } = await tryJoin(t, roomId, lost.user);
    if (
      !t.check(
        RES_01,
        kind === "joined",
        breach(t, client, kind === "silent" ? "silent" : "wrong-refusal", "the user can join the same room again", text),
      )
    )
      return;
    kept.stop();
    const { answer } = await ask(t, client, SHALL_MS);
    if (
      !t.check(
        RES_01,
        answer !== undefined,
        breach(t, client, "silent", "SYNC_REQUEST is answered after the return", `no answer in ${SHALL_MS} ms`),
      )
    )
      return;
    const state = answer?.room?.playbackState ?? undefined;
    if (broadcast.state !== undefined) {
      const difference = state === undefined ? "no playbackState" : differenceBetween(broadcast.state, state, 0, true);
      t.check(RES_01, difference === undefined, breach(t, client, "stale", "the state is that of now", difference ?? ""));
    }
    if (!t.has("presence")) return;
    const user = lost.user.id;
    const times = (answer?.room?.members ?? []).filter((id) => id === user).length;
    t.check(RES_01, times === 1, breach(t, client, times === 0 ? "absent" : "doubled", "members names the user once", `${times} times`));
    const from = mark(other);
    await client.close();
    const left = await hear(other, (message) => message.type === "USER_LEFT" && message.fields["userId"] === user, { from });
    t.check(
      RES_01,
      left !== undefined,
      breach(
        t,
        other,
        "ghost",
        `USER_LEFT within ${SHALL_MS} ms of the new socket's close: the old one no longer counts`,
        "it was not told",
      ),
    );
    await t.sleep(WATCH_MS);
    const count = heardOf(other, "USER_LEFT", from).filter((message) => message.fields["userId"] === user).length;
    t.check(RES_01, count <= 1, breach(t, other, "doubled", "one USER_LEFT", `${count}`));
    const after = await ask(t, other, SHALL_MS);
    const members = after.answer?.room?.members;
    if (members === undefined) t.inconclusive(RES_01, "SYNC_REQUEST got no usable answer");
    else t.check(RES_01, !members.includes(user), breach(t, other, "ghost", "members no longer names the user", members.join(", ")));
  },
}));

export const resumeCases: readonly CaseDefinition[] = reconnects;
