import { Precondition, type CaseClient, type CaseContext, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Playback } from "../messages.ts";
import { DRIFT_MS_MAX } from "./model.ts";
import { ask, breach, createRoom, heardOf, mark, sendUpdate, WATCH_MS, type Fields } from "./support.ts";

const CONV_07 = requirementId("PLAY-CONV-07");

/** 8 rooms of 25 rounds are the 200 rounds; side by side, since a round takes as long as its slowest broadcast. */
const ROOMS = 8;
const ROUNDS_A_ROOM = 25;
const SAME_FIELD_ROUNDS = 3;
const SPEEDS = [0.5, 1, 1.5, 2] as const;

const differentFields: CaseDefinition = {
  name: "convergence/simultaneous-fields",
  title: "Simultaneous updates of four users to four fields all survive, in 200 rounds",
  ids: [CONV_07],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    await Promise.all(
      Array.from({ length: ROOMS }, async (_, room) => {
        const { roomId } = await createRoom(t);
        const clients = await t.openMany(4, { room: roomId });
        for (let round = 1; round <= ROUNDS_A_ROOM; round += 1) {
          if (!(await raceFields(t, clients, room, round))) return;
        }
      }),
    );
  },
};

/** One round: the barrier is one tick, in which all four send. Gives whether there is sense in going on. */
async function raceFields(t: CaseContext, clients: readonly CaseClient[], room: number, round: number): Promise<boolean> {
  const changes: readonly Partial<Playback>[] = [
    { isPlaying: round % 2 === 0 },
    { currentTime: round * 100_000 },
    { playbackSpeed: SPEEDS[round % SPEEDS.length] ?? 1 },
    { mediaUrl: `https://media.example/race.mp4#${room}-${round}` },
  ];
  const wanted: Partial<Playback> = Object.assign({}, ...changes) as Partial<Playback>;
  const from = clients.map(mark);
  const sentMs = t.nowMs();
  clients.forEach((client, index) => sendUpdate(client, changes[index]));
  const finals = (): readonly Fields[] =>
    clients.flatMap((client, index) => {
      const broadcasts = heardOf(client, "PLAYBACK_UPDATED", from[index]);
      const last = broadcasts.at(-1);
      return broadcasts.length >= changes.length && last !== undefined ? [last.fields] : [];
    });
  // One member that shows all four proves that none was lost: who misses a broadcast or gets it late is judged elsewhere.
  const holds = (): boolean => finals().some((fields) => lacking(fields, wanted, t.nowMs() - sentMs, t.has("positionMoves")) === undefined);
  let survived = await t.until(holds, WATCH_MS);
  let seen = finals()[0];
  const [asker] = clients;
  if (asker === undefined) throw new Precondition("nobody joined");
  if (round === ROUNDS_A_ROOM || (!survived && seen === undefined)) {
    const state = (await ask(t, asker)).answer?.room?.playbackState ?? undefined;
    if (state === undefined) t.inconclusive(CONV_07, "a round's final state was not seen");
    else {
      seen = { ...state };
      survived = lacking(seen, wanted, t.nowMs() - sentMs, t.has("positionMoves")) === undefined;
    }
    if (state === undefined) return survived;
  }
  const last = seen ?? {};
  return t.check(
    CONV_07,
    survived,
    breach(
      t,
      asker,
      "lost",
      `round ${round}: ${JSON.stringify(wanted)} after four simultaneous updates`,
      lacking(last, wanted, t.nowMs() - sentMs, true) ?? "another state",
      12,
    ),
  );
}

/** Which of the wanted values a state does not show; a field that is missing is PLAY-CONV-05's matter. */
function lacking(fields: Fields, wanted: Partial<Playback>, elapsedMs: number, positionMoves: boolean): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    const held = fields[name];
    if (held === undefined || held === value) continue;
    if (name === "currentTime" && typeof value === "number") {
      // It may have played on since, also when the round ends paused: the pause may have come after the seek.
      if (!positionMoves) continue;
      if (typeof held === "number" && held >= value - DRIFT_MS_MAX && held <= value + elapsedMs * 2 + DRIFT_MS_MAX) continue;
    }
    return `${name} is ${JSON.stringify(held)}, not ${JSON.stringify(value)}`;
  }
  return undefined;
}

const sameField: CaseDefinition = {
  name: "convergence/same-field-race",
  title: "Simultaneous updates of one field end in one of the values sent, the same for all",
  ids: [CONV_07],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const clients = await t.openMany(4, { room: roomId });
    for (let round = 1; round <= SAME_FIELD_ROUNDS; round += 1) {
      const values = clients.map((_, index) => round * 1_000 + index);
      const from = clients.map(mark);
      clients.forEach((client, index) => sendUpdate(client, { currentTime: values[index] }));
      await t.until(
        () => clients.some((client, index) => heardOf(client, "PLAYBACK_UPDATED", from[index]).length >= values.length),
        WATCH_MS,
      );
      const answers = await Promise.all(clients.map((client) => ask(t, client)));
      const ends = answers.map(({ answer }) => answer?.room?.playbackState?.currentTime);
      clients.forEach((client, index) => {
        const end = ends[index];
        if (end === undefined) return;
        t.check(
          CONV_07,
          values.includes(end),
          breach(t, client, "lost", `the final currentTime is one of ${values.join(", ")}`, String(end)),
        );
        const other = ends.find((each) => each !== undefined && each !== end);
        t.check(CONV_07, other === undefined, breach(t, client, "diverged", "all users are told the same final state", ends.join(", ")));
      });
      if (ends.every((end) => end === undefined)) t.inconclusive(CONV_07, "no final state was seen");
    }
  },
};

export const raceCases: readonly CaseDefinition[] = [differentFields, sameField];
