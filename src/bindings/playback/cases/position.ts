import { Precondition, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { applyUpdate, describeModel, differenceFrom, freshModel } from "./model.ts";
import { ask, breach, createRoom, SHALL_MS, sleepUntil, update } from "./support.ts";
import { keepAlive } from "./upkeep.ts";

const CONV_09 = requirementId("PLAY-CONV-09");

const ASKED_AFTER_MS = [1_000, 5_000, 20_000] as const;
const STANDS_MS = 5_000;
/** A position that has moved by less of its way than this since the last look has stopped, and is no matter of speed. */
const STANDING_SHARE = 0.5;

const moves: readonly CaseDefinition[] = [1, 1.5].map((playbackSpeed) => ({
  name: `convergence/position-at-speed-${playbackSpeed}`,
  title: `While media plays at speed ${playbackSpeed} the reported position moves with it`,
  ids: [CONV_09],
  phase: "quiet",
  needs: ["positionMoves"],
  limitMs: 45_000,
  run: async (t) => {
    const { roomId, creator, at } = await createRoom(t);
    const [author, asker] = await t.openMany(2, { room: roomId });
    if (author === undefined || asker === undefined) throw new Precondition("nobody joined");
    const play = { mediaUrl: "https://media.example/play.mp4", isPlaying: true, currentTime: 40_000, playbackSpeed };
    const { at: taken, broadcast } = await update(author, play, [author, asker], t);
    if (broadcast === undefined) throw new Precondition("the update was not broadcast");
    const model = applyUpdate(freshModel({}, creator.id, at, true), play, author.user.id, taken);
    const kept = keepAlive(t, asker);
    let before = { atMs: taken.high, currentTime: play.currentTime };
    for (const afterMs of ASKED_AFTER_MS) {
      await sleepUntil(t, taken.high + afterMs);
      const { at: asked, answer } = await ask(t, author, SHALL_MS);
      const state = answer?.room?.playbackState ?? undefined;
      if (state === undefined) {
        t.inconclusive(CONV_09, `SYNC_REQUEST got no usable answer after ${afterMs} ms`);
        continue;
      }
      const difference = differenceFrom(model, { currentTime: state.currentTime }, asked);
      const due = (asked.low - before.atMs) * playbackSpeed;
      const reason = state.currentTime - before.currentTime < due * STANDING_SHARE ? "stale" : "diverged";
      t.check(
        CONV_09,
        difference === undefined,
        breach(t, author, reason, `after ${afterMs} ms: ${describeModel(model, asked)}`, difference ?? ""),
      );
      before = { atMs: asked.high, currentTime: state.currentTime };
    }
    kept.stop();
  },
}));

const stands: CaseDefinition = {
  name: "convergence/position-stands-while-paused",
  title: "While media is paused the reported position stands",
  ids: [CONV_09],
  phase: "quiet",
  needs: ["positionMoves"],
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [author, asker] = await t.openMany(2, { room: roomId });
    if (author === undefined || asker === undefined) throw new Precondition("nobody joined");
    await update(author, { mediaUrl: "https://media.example/pause.mp4", isPlaying: true, currentTime: 40_000 }, [author, asker], t);
    await t.sleep(1_000);
    await update(author, { isPlaying: false, mediaType: "video/mp4" }, [author, asker], t);
    const kept = keepAlive(t, asker);
    const first = (await ask(t, author, SHALL_MS)).answer?.room?.playbackState ?? undefined;
    await t.sleep(STANDS_MS);
    const second = (await ask(t, author, SHALL_MS)).answer?.room?.playbackState ?? undefined;
    kept.stop();
    if (first === undefined || second === undefined) throw new Precondition("SYNC_REQUEST got no usable answer");
    t.check(
      CONV_09,
      first.currentTime === second.currentTime,
      breach(t, author, "diverged", `currentTime ${first.currentTime} still, ${STANDS_MS} ms later`, String(second.currentTime)),
    );
  },
};

export const positionCases: readonly CaseDefinition[] = [...moves, stands];
