import { Precondition, type CaseClient, type CaseContext, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { breach, createRoom, hear, heard, heardOf, mark, quiesce, sendUpdate, SHALL_MS, sleepUntil, ask } from "./support.ts";

const ORD_02 = requirementId("PLAY-ORD-02");
const ORD_03 = requirementId("PLAY-ORD-03");

const BACK_TO_BACK = 200;

const backToBack: CaseDefinition = {
  name: "ordering/back-to-back",
  title: "200 updates of one user sent without waiting are applied in the order sent",
  ids: [ORD_02],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const [author, ...others] = await t.openMany(3, { room: roomId });
    if (author === undefined) throw new Precondition("nobody joined");
    const receivers = t.has("echoToSender") ? [author, ...others] : others;
    for (let n = 1; n <= BACK_TO_BACK; n += 1) sendUpdate(author, { currentTime: n });
    await Promise.all(
      receivers.map((client) =>
        hear(client, (message) => message.type === "PLAYBACK_UPDATED" && message.fields["currentTime"] === BACK_TO_BACK),
      ),
    );
    await quiesce(t, receivers, 250, 5_000);
    for (const client of receivers) {
      const values = heardOf(client, "PLAYBACK_UPDATED").map((message) => Number(message.fields["currentTime"]));
      if (values.length < 2) {
        t.inconclusive(ORD_02, "a receiver got fewer than two of the updates");
        continue;
      }
      // A value that comes again is a doubled delivery (PLAY-CONV-04), no other order.
      const at = values.findIndex((value, index) => index > 0 && value < (values[index - 1] ?? 0));
      const around = values.slice(Math.max(0, at - 3), at + 2).join(", ");
      t.check(ORD_02, at === -1, breach(t, client, "disordered", "currentTime ascends, as it was sent", `… ${around} …`));
    }
    const { answer } = await ask(t, others[0] ?? author, SHALL_MS);
    const final = answer?.room?.playbackState?.currentTime;
    if (final === undefined) t.inconclusive(ORD_02, "SYNC_REQUEST got no usable answer");
    else
      t.check(
        ORD_02,
        final === BACK_TO_BACK,
        breach(t, others[0] ?? author, "disordered", `the final state is ${BACK_TO_BACK}`, `it is ${final}`),
      );
  },
};

const STORM_MS = 2_500;
/** Each of four writers sends one in this time: a hundred updates a second and more. */
const STORM_PAUSE_MS = 25;
const STORM_MARK = "storm.mp4#";

const syncStorm: CaseDefinition = {
  name: "ordering/sync-in-a-storm",
  title: "A full state is never older than a broadcast that the same socket has already received",
  ids: [ORD_03],
  phase: "shared",
  run: async (t) => {
    const { roomId } = await createRoom(t);
    const clients = await t.openMany(6, { room: roomId });
    const [readers, writers] = [clients.slice(0, 2), clients.slice(2)];
    const endMs = t.nowMs() + STORM_MS;
    await Promise.all([
      ...writers.map((client, index) => write(t, client, index, endMs)),
      ...readers.map((client) => read(t, client, endMs)),
    ]);
    await quiesce(t, clients, 250, 5_000);
    const order = new Map<string, number>();
    for (const { fields } of clients.slice(0, 1).flatMap((client) => heardOf(client, "PLAYBACK_UPDATED"))) {
      const url = fields["mediaUrl"];
      if (typeof url === "string" && !order.has(url)) order.set(url, order.size);
    }
    const compared = clients.reduce((sum, client) => sum + judge(t, client, order), 0);
    if (compared < 20) t.inconclusive(ORD_03, `only ${compared} answers came after a broadcast of their own socket`);
  },
};

/** Writes at planned times, and asks right behind every fifth write. */
async function write(t: CaseContext, client: CaseClient, index: number, endMs: number): Promise<void> {
  let atMs = t.nowMs() + (index * STORM_PAUSE_MS) / 4;
  for (let n = 1; atMs < endMs; n += 1, atMs += STORM_PAUSE_MS) {
    sendUpdate(client, { mediaUrl: `https://media.example/${STORM_MARK}${index}-${n}` });
    if (n % 5 === 0) client.read();
    await sleepUntil(t, atMs);
  }
}

/** Asks all the time: the next question goes out when the answer is there, or did not come. */
async function read(t: CaseContext, client: CaseClient, endMs: number): Promise<void> {
  while (t.nowMs() < endMs) {
    const from = mark(client);
    client.read();
    await hear(client, (message) => message.type === "SYNC_FULL_STATE", { from, withinMs: 250 });
    await t.sleep(t.prng.below(10));
  }
}

/**
 * Judges every answer at one socket against the broadcasts that came before it there, by the order in which the first
 * client heard them: whether all hear one order is PLAY-ORD-01's matter. Gives how many answers there were.
 */
function judge(t: CaseContext, client: CaseClient, order: ReadonlyMap<string, number>): number {
  let newest = -1;
  let compared = 0;
  for (const message of heard(client)) {
    const url = message.type === "PLAYBACK_UPDATED" ? message.fields["mediaUrl"] : message.room?.playbackState?.mediaUrl;
    if (typeof url !== "string") continue;
    const place = order.get(url);
    if (message.type === "PLAYBACK_UPDATED") {
      if (place !== undefined) newest = Math.max(newest, place);
      continue;
    }
    // The room's first state is older than all; a marked state that the first client never heard cannot be placed.
    if (newest === -1 || (place === undefined && url.includes(STORM_MARK))) continue;
    compared += 1;
    const behind = newest - (place ?? -1);
    t.check(
      ORD_03,
      behind <= 0,
      breach(
        t,
        client,
        "stale",
        "a state not older than the newest broadcast already received",
        `the answer holds ${url || "no media"}, ${behind} updates older`,
        12,
      ),
    );
  }
  return compared;
}

export const orderingCases: readonly CaseDefinition[] = [backToBack, syncStorm];
