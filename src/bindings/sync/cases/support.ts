import { type Breach, type CaseContext, type CaseDefinition, type CaseUser, Precondition } from "../../../core/case.ts";
import type { DirectoryControl } from "../../../core/network.ts";
import { type RequirementId, requirementId } from "../../../core/ids.ts";
import type { Reason } from "../../../core/reason.ts";
import { clientFrame, readServerFrame } from "../codec.ts";
import { NOTHING } from "../messages.ts";
import { PROTOCOL, TOKEN_PATH, tokenOf } from "../session.ts";
import type { Lab, LabAnswer, LabDocument, LabSocket } from "./lab.ts";

/** A thing that shall happen happens within this time. */
export const SHALL_MS = 5_000;
/** A thing that shall not happen is watched for this time; refusals come within it, too. */
export const WATCH_MS = 2_000;

/** Storms of a dozen cases at once may take a busy machine this long. */
const LIMIT_MS = 90_000;
/** Without an echo nothing tells that something was taken in: it is given this time. */
const UNECHOED_MS = 500;

/** A case before it has a lab; `ids` without the system. */
export interface SyncCase extends Omit<CaseDefinition, "ids" | "run"> {
  readonly ids: readonly string[];
  readonly run: (t: CaseContext, lab: Lab) => Promise<void>;
}

/** A requirement's id by its category and number. */
export function id(short: string): RequirementId {
  return requirementId(`SYNC-${short}`);
}

/** The cases with a lab for each run. */
export function withLab(cases: readonly SyncCase[], createLab: () => Lab): readonly CaseDefinition[] {
  return cases.map(({ ids, run, ...rest }) => ({
    limitMs: LIMIT_MS,
    ...rest,
    ids: ids.map(id),
    run: async (t) => {
      const lab = createLab();
      try {
        await run(t, lab);
      } finally {
        await lab.close();
      }
    },
  }));
}

export function breach(reason: Reason, expected: string, seen: string): Breach {
  return { reason, expected, seen: seen.slice(0, 600) };
}

/** The directory, which a case with `needs: ["directory"]` has. */
export function directoryOf(t: CaseContext): DirectoryControl {
  if (t.directory === undefined) throw new Precondition("the target has no directory of ours");
  return t.directory;
}

/** Asks for a token with a JWT, or without one. */
export function askToken(
  t: CaseContext,
  lab: Lab,
  jwt: string | undefined,
  how: { url?: string; localAddress?: string; withinMs?: number } = {},
): Promise<LabAnswer> {
  return lab.http({
    url: how.url ?? t.urls[0],
    path: t.basePath + TOKEN_PATH,
    headers: jwt === undefined ? {} : { authorization: `Bearer ${jwt}` },
    ...(how.localAddress === undefined ? {} : { localAddress: how.localAddress }),
    ...(how.withinMs === undefined ? {} : { withinMs: how.withinMs }),
  });
}

/** A fresh token of a user. @throws Precondition when none is given. */
export async function signIn(t: CaseContext, user: CaseUser, url?: string): Promise<string> {
  const answer = await t.http({ method: "GET", path: t.basePath + TOKEN_PATH }, user, url === undefined ? {} : { url });
  const token = "failure" in answer ? undefined : tokenOf(answer.body);
  if (token === undefined || "failure" in answer || answer.status !== 200)
    throw new Precondition(`no token: ${"failure" in answer ? answer.failure : `${answer.status} ${answer.body.slice(0, 200)}`}`);
  return token;
}

/** A handshake as the protocol has it. */
export function handshake(
  t: CaseContext,
  lab: Lab,
  did: string,
  token: string,
  how: { url?: string; localAddress?: string } = {},
): Promise<LabSocket> {
  return lab.open({
    url: how.url ?? t.urls[0],
    path: `${t.basePath}/sync/as/${did}`,
    offer: `${PROTOCOL}, ${token}`,
    ...(how.localAddress === undefined ? {} : { localAddress: how.localAddress }),
  });
}

/** An update as it came to a peer. */
export interface Received {
  readonly atMs: number;
  readonly entity: string;
  readonly update: Uint8Array;
  readonly digest: string;
}

/** A signed-in socket with what came over it. */
export interface Peer {
  readonly user: CaseUser;
  readonly socket: LabSocket;
  readonly received: readonly Received[];
  /** Frames that are no message of the protocol. */
  readonly unreadable: readonly string[];
  subscribe(entity: string, document?: LabDocument): void;
  unsubscribe(entity: string): void;
  send(entity: string, update: Uint8Array): void;
  /** Every update of this document, from now on and before, goes into it. */
  follow(entity: string, document: LabDocument): void;
  /** How often these bytes came. */
  count(update: Uint8Array): number;
}

/** @throws Precondition when the socket does not open. */
export async function join(t: CaseContext, lab: Lab, how: { user?: CaseUser; url?: string; localAddress?: string } = {}): Promise<Peer> {
  const user = how.user ?? (await t.user());
  const token = await signIn(t, user, how.url);
  const socket = await handshake(t, lab, user.id, token, how);
  if (!socket.isOpen) throw new Precondition(`no socket: ${socket.status} ${socket.body.slice(0, 200)}`);
  return peerOn(lab, user, socket);
}

export function peerOn(lab: Lab, user: CaseUser, socket: LabSocket): Peer {
  const received: Received[] = [];
  const unreadable: string[] = [];
  const followed = new Map<string, LabDocument>();
  const take = ({ atMs, data }: { atMs: number; data: Uint8Array | string }): void => {
    const parsed = readServerFrame(data);
    if (!parsed.ok) {
      unreadable.push(parsed.problem);
      return;
    }
    const { entityId: entity, update } = parsed.value;
    followed.get(entity)?.take(update);
    received.push({ atMs, entity, update, digest: lab.digest(update) });
  };
  for (const frame of socket.frames) take(frame);
  socket.onFrame = take;
  return {
    user,
    socket,
    received,
    unreadable,
    subscribe: (entity, document) =>
      socket.send(clientFrame({ type: "subscribe", entityId: entity, versionVector: document?.versionVector() ?? NOTHING })),
    unsubscribe: (entity) => socket.send(clientFrame({ type: "unsubscribe", entityId: entity })),
    send: (entity, update) => socket.send(clientFrame({ type: "sendUpdate", entityId: entity, update })),
    follow: (entity, document) => {
      followed.set(entity, document);
      for (const each of received) if (each.entity === entity) document.take(each.update);
    },
    count: (update) => {
      const digest = lab.digest(update);
      return received.filter((each) => each.digest === digest).length;
    },
  };
}

/**
 * Waits until the server has taken in what the peer has sent: an update of a document that only this peer is subscribed
 * to comes back. Gives whether it did.
 */
export async function settled(t: CaseContext, lab: Lab, peer: Peer, withinMs: number = SHALL_MS): Promise<boolean> {
  if (!t.has("echoToSender")) {
    await t.sleep(UNECHOED_MS);
    return peer.socket.isOpen;
  }
  const entity = await t.room();
  const update = lab.document().push("settled");
  peer.subscribe(entity);
  peer.send(entity, update);
  return t.until(() => peer.count(update) > 0 || !peer.socket.isOpen, withinMs);
}

/** The machine reason of an answer: its code, else its text (Y-8). */
export function reasonOf(answer: Pick<LabAnswer, "json" | "body">): string {
  const { code, error } = answer.json;
  return typeof code === "string" ? code : typeof error === "string" ? error : answer.body.slice(0, 100);
}

/** Whether the target's errors carry codes. */
export function hasCode(answer: Pick<LabAnswer, "json">): boolean {
  return typeof answer.json["code"] === "string";
}

/** Runs so many at once until all are done. */
export async function inLanes<T>(lanes: number, items: readonly T[], act: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) await act(item, index);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Waits until nothing has come to any of the peers for a second (X-13); gives whether that was within 10 s. */
export async function quiet(t: CaseContext, peers: readonly Peer[], withinMs: number = 10_000): Promise<boolean> {
  let before = -1;
  let sinceMs = t.nowMs();
  return t.until(() => {
    const total = peers.reduce((sum, peer) => sum + peer.received.length, 0);
    if (total !== before) sinceMs = t.nowMs();
    before = total;
    return t.nowMs() - sinceMs >= 1_000;
  }, withinMs);
}
