import { Precondition, type CaseClient, type CaseContext, type CaseDefinition, type CaseUser } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { ask, breach, createRoom, hear, heard, heardOf, mark, SHALL_MS, type CreatedRoom, type Heard } from "./support.ts";

const PRES_01 = requirementId("PLAY-PRES-01");

const STEPS = 24;
const USERS = 6;
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  "USER_JOINED",
  "USER_LEFT",
  "HOST_CHANGED",
  "PLAYBACK_UPDATED",
  "SYNC_FULL_STATE",
  "ERROR",
  "validation",
]);

/** Who is in the room, by the sockets that the case has opened and closed. */
interface Crowd {
  readonly room: CreatedRoom;
  /** Stays from the first step to the last, and sees all. */
  readonly anchor: CaseClient;
  readonly sockets: Map<CaseUser, CaseClient[]>;
  /** The creator is a member from the creation on until it leaves for the first time. */
  hasCreatorLeft: boolean;
}

const comingAndGoing: CaseDefinition = {
  name: "presence/coming-and-going",
  title: "Members are those with an open socket, and the others are told of each coming and going",
  ids: [PRES_01],
  phase: "shared",
  needs: ["presence"],
  limitMs: 60_000,
  run: async (t) => {
    const creator = await t.user();
    const room = await createRoom(t, {}, creator);
    const anchor = await t.open({ room: room.roomId });
    const crowd: Crowd = { room, anchor, sockets: new Map([[anchor.user, [anchor]]]), hasCreatorLeft: false };
    const users = [creator, ...(await t.users(USERS))];
    const prng = t.prng.fork("crowd");
    for (let step = 0; step < STEPS; step += 1) {
      const user = prng.pick(users);
      const open = crowd.sockets.get(user) ?? [];
      // Half of the time a user who is in goes; now and then it opens a second socket.
      if (open.length === 0 || (open.length === 1 && prng.below(4) === 0)) await come(t, crowd, user);
      else await go(t, crowd, user);
    }
    // In the end the creator, who is the host while it is in, has come and gone for sure.
    if (!crowd.sockets.has(creator)) await come(t, crowd, creator);
    while (crowd.sockets.has(creator)) await go(t, crowd, creator);
    await judgeMembers(t, crowd);
    const unknown = new Set(
      heard(anchor)
        .map((message) => message.type)
        .filter((type) => !KNOWN_TYPES.has(type)),
    );
    if (unknown.size > 0) t.report(PRES_01, `unknown message types seen: ${[...unknown].join(", ")}`);
  },
};

function membersOf(crowd: Crowd): readonly string[] {
  const ids = new Set([...crowd.sockets.keys()].map((user) => user.id));
  if (!crowd.hasCreatorLeft) ids.add(crowd.room.creator.id);
  return [...ids].sort();
}

async function come(t: CaseContext, crowd: Crowd, user: CaseUser): Promise<void> {
  const open = crowd.sockets.get(user) ?? [];
  const from = mark(crowd.anchor);
  const client = await t.open({ room: crowd.room.roomId, user });
  crowd.sockets.set(user, [...open, client]);
  // Whether the others hear of a second socket is open (P-2).
  if (open.length === 0) await judgeTold(t, crowd, "USER_JOINED", user, from);
}

async function go(t: CaseContext, crowd: Crowd, user: CaseUser): Promise<void> {
  const [client, ...rest] = crowd.sockets.get(user) ?? [];
  if (client === undefined) return;
  const from = mark(crowd.anchor);
  if (rest.length > 0) crowd.sockets.set(user, rest);
  else crowd.sockets.delete(user);
  await client.close();
  if (rest.length > 0) return;
  if (user.id === crowd.room.creator.id) crowd.hasCreatorLeft = true;
  await judgeTold(t, crowd, "USER_LEFT", user, from);
}

/** The anchor is told of a coming or going, with the count of members that there are then. */
async function judgeTold(t: CaseContext, crowd: Crowd, type: string, user: CaseUser, from: number): Promise<void> {
  const { anchor } = crowd;
  const isIt = (message: Heard): boolean => message.type === type && message.fields["userId"] === user.id;
  const message = await hear(anchor, isIt, { from });
  if (
    !t.check(PRES_01, message !== undefined, breach(t, anchor, "silent", `${type} of ${user.id} within ${SHALL_MS} ms`, "it was not told"))
  )
    return;
  const count = membersOf(crowd).length;
  const told = message?.fields["memberCount"];
  t.check(PRES_01, told === count, breach(t, anchor, "miscounted", `memberCount ${count} in ${type}`, JSON.stringify(told)));
}

async function judgeMembers(t: CaseContext, crowd: Crowd): Promise<void> {
  const { anchor } = crowd;
  const wanted = membersOf(crowd);
  const closedMs = t.nowMs();
  let answer: Heard | undefined;
  let members: readonly string[] = [];
  // The list may lag behind the last close by 5 s.
  do {
    answer = (await ask(t, anchor, SHALL_MS)).answer;
    members = [...(answer?.room?.members ?? [])].sort();
    if (members.join() !== wanted.join()) await t.sleep(300);
  } while (members.join() !== wanted.join() && t.nowMs() - closedMs < SHALL_MS);
  if (answer?.room === undefined) throw new Precondition("SYNC_REQUEST got no usable answer");
  const ghosts = members.filter((id) => !wanted.includes(id));
  const absent = wanted.filter((id) => !members.includes(id));
  t.check(
    PRES_01,
    ghosts.length === 0,
    breach(t, anchor, "ghost", "members are users with an open socket only", `${ghosts.join(", ")} have none`),
  );
  t.check(
    PRES_01,
    absent.length === 0,
    breach(t, anchor, "absent", "every user with an open socket is a member", `${absent.join(", ")} are not listed`),
  );
  t.check(PRES_01, new Set(members).size === members.length, breach(t, anchor, "doubled", "a user is listed once", members.join(", ")));
  judgeComings(t, crowd);
  if (t.has("host")) judgeHost(t, crowd, answer.room.hostId, wanted);
}

/** At the anchor, comings and goings of one user alternate: no one goes twice. */
function judgeComings(t: CaseContext, crowd: Crowd): void {
  const inside = new Set<string>([crowd.room.creator.id]);
  for (const message of heard(crowd.anchor)) {
    const user = message.fields["userId"];
    if (typeof user !== "string") continue;
    if (message.type === "USER_JOINED") inside.add(user);
    if (message.type === "USER_LEFT")
      t.check(PRES_01, inside.delete(user), breach(t, crowd.anchor, "doubled", "one USER_LEFT for one going", `${user} left twice`));
  }
}

function judgeHost(t: CaseContext, crowd: Crowd, hostId: string, present: readonly string[]): void {
  const { anchor } = crowd;
  t.check(PRES_01, present.includes(hostId), breach(t, anchor, "absent", "hostId names a present member once the host has left", hostId));
  const last = heardOf(anchor, "HOST_CHANGED").at(-1)?.fields["newHostId"];
  if (hostId !== crowd.room.creator.id)
    t.check(PRES_01, last === hostId, breach(t, anchor, "silent", `HOST_CHANGED told of the host ${hostId}`, JSON.stringify(last)));
}

export const presenceCases: readonly CaseDefinition[] = [comingAndGoing];
