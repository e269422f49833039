import { type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, type Peer, SOON_MS, type Table, withPeers } from "./peer.ts";

const SPREAD = requirementId("STEP-CAP-03");

/** With two servers, all of them on one is luck of 1 in 128. */
const ROOMS = 8;

/** Rooms that are spread over servers. */
export function spreadCases(kit: Kit): readonly CaseDefinition[] {
  return [
    {
      name: "capacity/spread",
      title: "Of two servers, a room is on one, and the other says so",
      ids: [SPREAD],
      phase: "own",
      needs: ["secondUrl"],
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => spread(table)),
    },
  ];
}

/** The target's two, or two of our own server with half of the rooms each. */
async function servers(t: CaseContext): Promise<readonly [string, string]> {
  if (t.urls[1] !== undefined) return [t.urls[0], t.urls[1]];
  const [one, two] = [await t.launch({ SHARD: "1/2" }), await t.launch({ SHARD: "2/2" })];
  if (one.url === undefined || two.url === undefined) throw new Precondition("two servers could not be started");
  return [one.url, two.url];
}

async function spread(table: Table): Promise<void> {
  const { t } = table;
  const urls = await servers(t);
  const homes = new Set<string>();
  for (let n = 0; n < ROOMS; n += 1) {
    const room = await t.room();
    const comers: { readonly url: string; readonly peer: Peer; readonly isIn: boolean }[] = [];
    for (const url of urls) {
      const peer = await table.stranger(room, undefined, url).catch(() => undefined);
      // Refused before it was open: that is an answer.
      if (peer === undefined) continue;
      comers.push({ url, peer, isIn: await isLetIn(t, peer) });
    }
    const inside = comers.filter(({ isIn }) => isIn);
    const [first, second] = inside;
    const witness = (): Peer | undefined => comers[0]?.peer;
    t.check(SPREAD, first !== undefined, () => ({
      reason: "wrong-refusal",
      expected: `the room ${room} is on one of two servers`,
      seen: "neither takes a member",
      witness: witness()?.witness() ?? [],
    }));
    if (first !== undefined) homes.add(first.url);
    if (first === undefined || second === undefined) continue;
    // Both take members: then it must be one room, not two copies.
    const from = second.peer.mark;
    await mustWrite(first.peer, [insert(1, "x")]);
    const heard = await second.peer.hear(({ message }) => message?.type === "steps", from);
    t.check(
      SPREAD,
      heard !== undefined,
      second.peer.breach("diverged", "a member at the wrong server is refused, or in the same room", "it is in a second copy of the room"),
    );
  }
  t.report(SPREAD, `${ROOMS} rooms, members taken at ${homes.size} of ${urls.length} servers`);
}

/** Joins; a refusal is an error message or a close, and silence is none. */
async function isLetIn(t: CaseContext, peer: Peer): Promise<boolean> {
  peer.send({ type: "join", userId: peer.id });
  const answer = await peer.hear(({ type, message }) => message?.type === "doc-snapshot" || type === "error", 0);
  const isRefused = answer?.type === "error" || !peer.isOpen;
  t.check(
    SPREAD,
    answer !== undefined || isRefused,
    peer.breach("silent", "a join at the wrong server is refused", `nothing within ${SOON_MS} ms`),
  );
  return !isRefused && answer !== undefined;
}
