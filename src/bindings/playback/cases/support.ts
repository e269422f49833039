import { Precondition, type Breach, type CaseClient, type CaseContext, type CaseUser } from "../../../core/case.ts";
import type { RequirementId } from "../../../core/ids.ts";
import type { Reason } from "../../../core/reason.ts";
import type { HttpAnswer } from "../../../core/session.ts";
import { parsePlaybackState, parseRoomFullState, type Playback, type PlaybackState, type RoomFullState } from "../messages.ts";
import type { Span } from "./model.ts";

/** A thing that shall happen happens within this time. */
export const SHALL_MS = 5_000;
/** A thing that shall not happen is watched for this time. An update is due at its receivers within it, too. */
export const WATCH_MS = 2_000;

export type Fields = Readonly<Record<string, unknown>>;

/** One text message of the server as it came, read without judgement, so that a case judges only what is its own. */
export interface Heard {
  readonly atMs: number;
  readonly type: string;
  /** The payload's fields; empty when it is no object. */
  readonly fields: Fields;
  /** The state of a well-formed `PLAYBACK_UPDATED`. */
  readonly state: PlaybackState | undefined;
  /** The room of a well-formed `SYNC_FULL_STATE`. */
  readonly room: RoomFullState | undefined;
}

interface Inbox {
  readonly messages: Heard[];
  framesRead: number;
}

const inboxes = new WeakMap<CaseClient, Inbox>();

/** All text messages that the client has got so far; grows. A frame that is no JSON object has the type "". */
export function heard(client: CaseClient): readonly Heard[] {
  let inbox = inboxes.get(client);
  if (inbox === undefined) inboxes.set(client, (inbox = { messages: [], framesRead: 0 }));
  const { frames } = client;
  for (; inbox.framesRead < frames.length; inbox.framesRead += 1) {
    const recorded = frames[inbox.framesRead];
    if (recorded?.from === "server" && typeof recorded.frame === "string") inbox.messages.push(readMessage(recorded.frame, recorded.atMs));
  }
  return inbox.messages;
}

function readMessage(text: string, atMs: number): Heard {
  const message = asFields(parseJson(text));
  const type = typeof message["type"] === "string" ? message["type"] : "";
  const payload = message["payload"];
  const state = type === "PLAYBACK_UPDATED" ? parsePlaybackState(payload) : undefined;
  const room = type === "SYNC_FULL_STATE" ? parseRoomFullState(payload) : undefined;
  return {
    atMs,
    type,
    fields: asFields(payload),
    state: state?.ok === true ? state.value : undefined,
    room: room?.ok === true ? room.value : undefined,
  };
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The value when it is an object, else an empty one. */
export function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** A place in a client's inbox: messages from here on are the new ones. */
export function mark(client: CaseClient): number {
  return heard(client).length;
}

export function heardOf(client: CaseClient, type: string, from = 0): readonly Heard[] {
  return heard(client)
    .slice(from)
    .filter((message) => message.type === type);
}

/** The first message from the mark on that fits, waiting for it at most `withinMs`. */
export async function hear(
  client: CaseClient,
  fits: (message: Heard) => boolean,
  options: { readonly from?: number; readonly withinMs?: number } = {},
): Promise<Heard | undefined> {
  let next = options.from ?? 0;
  let found: Heard | undefined;
  const look = (): boolean => {
    const messages = heard(client);
    for (; found === undefined && next < messages.length; next += 1) {
      const message = messages[next];
      if (message !== undefined && fits(message)) found = message;
    }
    return found !== undefined;
  };
  if (!look()) await client.waitFor(look, { withinMs: options.withinMs ?? SHALL_MS, from: client.seen.length });
  look();
  return found;
}

/** As `hear`, at whichever of the clients it comes first. */
export async function hearAny(
  clients: readonly CaseClient[],
  fits: (message: Heard) => boolean,
  options: { readonly from: readonly number[]; readonly withinMs?: number },
): Promise<Heard | undefined> {
  const waits = clients.map(async (client, index) => {
    const found = await hear(client, fits, { from: options.from[index] ?? 0, withinMs: options.withinMs ?? SHALL_MS });
    if (found === undefined) throw new Precondition("not heard");
    return found;
  });
  return Promise.any(waits).catch(() => undefined);
}

/** The message that asks for the full state, sent through the session, and the first full state after it. */
export async function ask(
  t: CaseContext,
  client: CaseClient,
  withinMs: number = WATCH_MS,
): Promise<{ readonly at: Span; readonly answer: Heard | undefined }> {
  const from = mark(client);
  const low = t.nowMs();
  client.read();
  const answer = await hear(client, (message) => message.type === "SYNC_FULL_STATE", { from, withinMs });
  return { at: { low, high: answer?.atMs ?? t.nowMs() }, answer };
}

/** Sends an update as it is, without a marker. */
export function sendUpdate(client: CaseClient, payload: unknown): void {
  client.send(JSON.stringify({ type: "UPDATE_PLAYBACK", payload }));
}

/**
 * Whether a broadcast is the one of this update: the author's, and what was set is passed on as given. A field that it
 * lacks does not count against it: whether broadcasts are whole is PLAY-CONV-05's matter.
 */
export function isOf(message: Heard, change: Partial<Playback>, author: string): boolean {
  if (message.type !== "PLAYBACK_UPDATED" || message.fields["lastUpdatedBy"] !== author) return false;
  return Object.entries(change).every(([name, value]) => message.fields[name] === undefined || message.fields[name] === value);
}

/**
 * Sends an update and waits until any of the listeners has got its broadcast. Gives when the server took it in, and
 * the broadcast; undefined when nobody got one in time.
 */
export async function update(
  author: CaseClient,
  change: Partial<Playback>,
  listeners: readonly CaseClient[],
  t: CaseContext,
): Promise<{ readonly at: Span; readonly broadcast: Heard | undefined }> {
  const from = listeners.map(mark);
  const low = t.nowMs();
  sendUpdate(author, change);
  const broadcast = await hearAny(listeners, (message) => isOf(message, change, author.user.id), { from, withinMs: WATCH_MS });
  return { at: { low, high: broadcast?.atMs ?? t.nowMs() }, broadcast };
}

/**
 * Brings a room to a known state: nothing of it is a default. By two messages, media first, so that cases that need a
 * state but do not judge how updates are taken in lean on no single large update.
 */
export async function setKnown(
  t: CaseContext,
  author: CaseClient,
  label: string,
): Promise<{ readonly state: Playback; readonly broadcast: Heard }> {
  const state = knownState(label);
  const { mediaUrl, mediaType, ...rest } = state;
  await update(author, { mediaUrl, mediaType }, [author], t);
  const { broadcast } = await update(author, rest, [author], t);
  if (broadcast === undefined) throw new Precondition("an update was not broadcast to its author");
  return { state, broadcast };
}

/** A full state to set: nothing of it is a default. */
export function knownState(label: string, isPlaying = false): Playback {
  return { mediaUrl: `https://media.example/${label}.webm`, mediaType: "video/webm", isPlaying, currentTime: 123_456, playbackSpeed: 1.25 };
}

export interface CreatedRoom {
  readonly roomId: string;
  /** What the creation answered with. */
  readonly meta: Fields;
  readonly creator: CaseUser;
  readonly at: Span;
}

/** What may be given at a creation. */
export interface RoomInput extends Partial<Pick<Playback, "mediaUrl" | "mediaType" | "isPlaying">> {
  readonly name?: string;
  readonly isPublic?: boolean;
  readonly maxParticipants?: number;
}

/** Asks for a room, without judging the answer. */
export function postRoom(
  t: CaseContext,
  creator: CaseUser | undefined,
  input: RoomInput = {},
): Promise<HttpAnswer | { readonly failure: string }> {
  const body = JSON.stringify({ name: "Rollcall room", ...input });
  return t.http({ method: "POST", path: "/rooms", headers: { "content-type": "application/json" }, body }, creator);
}

/** A room with the properties given. @throws Precondition when there is none to be had. */
export async function createRoom(t: CaseContext, input: RoomInput = {}, creator?: CaseUser): Promise<CreatedRoom> {
  const user = creator ?? (await t.user());
  const low = t.nowMs();
  const answer = await postRoom(t, user, input);
  if ("failure" in answer) throw new Precondition(`POST /rooms: ${answer.failure}`);
  const meta = asFields(parseJson(answer.body));
  const roomId = meta["roomId"];
  if (!isSuccess(answer.status) || typeof roomId !== "string" || roomId === "")
    throw new Precondition(`POST /rooms: ${answer.status} ${answer.body.slice(0, 200)}`);
  return { roomId, meta, creator: user, at: { low, high: t.nowMs() } };
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Ids in `GET /rooms`; undefined when there is no such list to be had. */
export async function listRooms(t: CaseContext, user: CaseUser): Promise<ReadonlySet<string> | undefined> {
  const answer = await t.http({ method: "GET", path: "/rooms" }, user, { withinMs: SHALL_MS });
  if ("failure" in answer || !isSuccess(answer.status)) return undefined;
  const list = parseJson(answer.body);
  if (!Array.isArray(list)) return undefined;
  return new Set(list.map((entry) => String(asFields(entry)["roomId"])));
}

/** How a try to join went: `odd` is a refusal in a form that P-7 does not know, such as a 500. */
export type JoinOutcome = { readonly kind: "joined" | "refused" | "silent" | "odd"; readonly text: string; readonly client: CaseClient };

/** Tries to join and says what came of it within `withinMs`. */
export async function tryJoin(t: CaseContext, room: string, user?: CaseUser, withinMs: number = SHALL_MS): Promise<JoinOutcome> {
  const client = await t.open({ room, mustJoin: false, ...(user === undefined ? {} : { user }) });
  await t.until(() => outcomeOf(client) !== undefined, withinMs);
  return outcomeOf(client) ?? { kind: "silent", text: `neither joined nor refused in ${withinMs} ms`, client };
}

function outcomeOf(client: CaseClient): JoinOutcome | undefined {
  if (client.refused !== undefined) {
    const status = client.refused.status ?? 0;
    return {
      kind: status >= 400 && status < 500 ? "refused" : "odd",
      text: `upgrade answered ${status} ${client.refused.failure}`,
      client,
    };
  }
  const joined = client.seen.some((observation) => observation.kind === "lifecycle" && observation.event === "joined");
  if (joined) return { kind: "joined", text: "the join was confirmed", client };
  const refusal = heard(client).find(isRefusal);
  if (refusal !== undefined) return { kind: "refused", text: refusal.type, client };
  if (client.closed !== undefined) return { kind: "refused", text: `closed ${client.closed.code}`, client };
  return undefined;
}

export function isRefusal(message: Heard): boolean {
  return message.type === "ERROR" || message.type === "validation";
}

/** Judges that a join was refused (P-7); `joined` is the reason when it was not. */
export function checkRefused(
  t: CaseContext,
  id: RequirementId,
  what: string,
  outcome: JoinOutcome,
  joined: Reason = "not-refused",
): boolean {
  const reason: Reason = outcome.kind === "joined" ? joined : outcome.kind === "silent" ? "silent" : "wrong-refusal";
  return t.check(id, outcome.kind === "refused", () => ({
    reason,
    expected: `${what} is refused within ${SHALL_MS} ms: a 4xx before the upgrade, or an error frame or a close after it`,
    seen: outcome.text,
    witness: t.witness(outcome.client, 6),
  }));
}

/** Waits until a time of the harness's clock. */
export async function sleepUntil(t: CaseContext, atMs: number): Promise<void> {
  const leftMs = atMs - t.nowMs();
  if (leftMs > 0) await t.sleep(leftMs);
}

/** Runs `act` over the items, at most `width` at a time. */
export async function eachOf<T, R>(items: readonly T[], width: number, act: (item: T, index: number) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      const item = items[index];
      if (item !== undefined) results[index] = await act(item, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}

/** Waits until nothing has come to any of the clients for `quietMs`, at most `withinMs`. Gives whether it became quiet. */
export async function quiesce(t: CaseContext, clients: readonly CaseClient[], quietMs = 1_000, withinMs = 10_000): Promise<boolean> {
  let messages = -1;
  let sinceMs = t.nowMs();
  return t.until(() => {
    const now = clients.reduce((sum, client) => sum + heard(client).length, 0);
    if (now !== messages) {
      messages = now;
      sinceMs = t.nowMs();
    }
    return t.nowMs() - sinceMs >= quietMs;
  }, withinMs);
}

/** A breach with a client's last messages as its witness. */
export function breach(t: CaseContext, client: CaseClient, reason: Reason, expected: string, seen: string, last = 8): () => Breach {
  return () => ({ reason, expected, seen, witness: t.witness(client, last) });
}

/** The greatest number of clients that a case may open at once on this target. */
export function clientsMax(t: CaseContext, wanted: number): number {
  return Math.min(wanted, t.limit("clientsMax", wanted));
}
