import { type Breach, type CaseClient, type CaseContext, Precondition } from "../../../core/case.ts";
import type { Reason } from "../../../core/reason.ts";
import { type Act, type HubAct, valueOf } from "../acts.ts";
import { decodeHubOut, decodeSync } from "../codec.ts";
import type { CoId, HubOut, Message, SyncMessage } from "../messages.ts";
import type { Outcome, View } from "../view.ts";

/** X-4: what shall happen happens within the first, what shall not is watched for the second. */
export const SHALL_MS = 5_000;
export const WATCH_MS = 2_000;
/** X-13. */
const QUIET_MS = 1_000;
export const QUIESCE_MS_MAX = 10_000;

/** Does an act and gives what it led to at its own replica. Throws `Precondition` where it could not be done. */
export async function act(client: CaseClient, what: Act): Promise<Outcome> {
  const from = client.seen.length;
  const op = client.write(valueOf({ ...what, tell: true }), { marker: false });
  const answer = await client.waitFor((each) => each.kind === "snapshot" && each.op === op.id, { from });
  if (answer?.kind !== "snapshot") throw new Precondition(`client ${client.number} was told to ${what.do} and did not answer`);
  const outcome = JSON.parse(answer.content) as Outcome;
  if (outcome.failure !== undefined) throw new Precondition(`client ${client.number} could not ${what.do}: ${outcome.failure}`);
  return outcome;
}

export function hubAct(client: CaseClient, what: HubAct): void {
  client.write(valueOf(what), { marker: false });
}

interface Look {
  readonly seen: number;
  readonly frames: number;
  readonly atMs: number;
  readonly text: string;
  readonly view: View;
}

/** A replica changes with what its client is sent and does; what it works off after that shows within this time. */
const LOOK_MS_MAX = 200;
const looks = new WeakMap<CaseClient, Look>();

function look(client: CaseClient): Look {
  const before = looks.get(client);
  // Whoever waits asks fifty times a second: a replica that nothing has come to is not read again.
  if (
    before !== undefined &&
    before.seen === client.seen.length &&
    before.frames === client.frames.length &&
    Date.now() - before.atMs < LOOK_MS_MAX
  )
    return before;
  const from = client.seen.length;
  const read = client.read();
  const answer = client.seen.slice(from).find((each) => each.kind === "snapshot" && each.op === read.id);
  if (answer?.kind !== "snapshot") throw new Precondition(`the replica of client ${client.number} is not there`);
  const view = JSON.parse(answer.content) as View;
  const taken = { seen: client.seen.length, frames: client.frames.length, atMs: Date.now(), text: answer.content, view };
  looks.set(client, taken);
  return taken;
}

/** What the client's replica shows now. */
export function view(client: CaseClient): View {
  return look(client).view;
}

/** The text of what a replica shows: equal at two if and only if they agree. */
export function textOf(client: CaseClient): string {
  return look(client).text;
}

/** A message as a replica shows it. */
export function shown(client: CaseClient, id: CoId): Message | undefined {
  return Object.values(view(client).threads)
    .flat()
    .find((each) => each.id === id);
}

/** The account that a client acts as. */
export function accountOf(client: CaseClient): CoId {
  const connected = client.seen.find((each) => each.kind === "connected");
  if (connected?.kind !== "connected") throw new Precondition(`client ${client.number} has no account`);
  return connected.user;
}

/** Opens clients of one space; the first makes it. */
export async function openSpace(
  t: CaseContext,
  count: number,
): Promise<{ readonly room: string; readonly clients: readonly CaseClient[] }> {
  const room = await t.room();
  const first = await t.open({ room });
  return { room, clients: [first, ...(await t.openMany(count - 1, { room }))] };
}

/** Waits until every client shows the message, at most 5 s; gives whether all do. */
export function allShow(t: CaseContext, clients: readonly CaseClient[], id: CoId, withinMs: number = SHALL_MS): Promise<boolean> {
  return t.until(() => clients.every((client) => shown(client, id) !== undefined), withinMs);
}

/** Sends a message and waits until all have it. */
export async function sendTo(t: CaseContext, author: CaseClient, all: readonly CaseClient[], content: string): Promise<CoId> {
  const { id } = await act(author, { do: "send", content });
  if (!(await allShow(t, all, id))) throw new Precondition(`the message to work on did not reach everybody`);
  return id;
}

/**
 * Waits until nobody that is connected has an unconfirmed write, which may never come to pass, and then until nothing has come
 * for a second (X-13); gives whether it got quiet.
 */
export async function quiesce(t: CaseContext, clients: readonly CaseClient[]): Promise<boolean> {
  const endMs = t.nowMs() + QUIESCE_MS_MAX;
  await t.until(() => clients.every((client) => !client.isOpen || unconfirmed(client) === 0), QUIESCE_MS_MAX - QUIET_MS * 2);
  let count = -1;
  let sinceMs = t.nowMs();
  return t.until(() => {
    const now = clients.reduce((sum, client) => sum + client.frames.length, 0) - pings(clients);
    if (now !== count) sinceMs = t.nowMs();
    count = now;
    return t.nowMs() - sinceMs >= QUIET_MS;
  }, endMs - t.nowMs());
}

function unconfirmed({ seen }: CaseClient): number {
  const open = new Set<number>();
  for (const each of seen) {
    if (each.kind === "invoked" && each.act === "write" && each.marker !== undefined) open.add(each.op);
    else if ((each.kind === "accepted" || each.kind === "rejected") && each.op !== undefined) open.delete(each.op);
  }
  return open.size;
}

/** Signs of life come for ever and are no traffic. */
function pings(clients: readonly CaseClient[]): number {
  let count = 0;
  for (const client of clients)
    for (const { frame } of client.frames)
      if (typeof frame === "string" && frame.startsWith('{"type":"ping"') && !frame.includes("\n")) count += 1;
  return count;
}

/** Waits until all replicas show the same, at most until they are quiet; gives the ones that differ from the first. */
export async function differing(
  t: CaseContext,
  clients: readonly CaseClient[],
  withinMs: number = QUIESCE_MS_MAX,
): Promise<readonly CaseClient[]> {
  const differ = (): readonly CaseClient[] => {
    const [first, ...others] = clients;
    if (first === undefined) return [];
    const text = textOf(first);
    return others.filter((client) => textOf(client) !== text);
  };
  await t.until(() => differ().length === 0, withinMs);
  return differ();
}

/** In what two replicas differ, shortly. */
export function differenceOf(first: CaseClient | undefined, client: CaseClient): string {
  if (first === undefined) return "";
  const [left, right] = [view(first), view(client)];
  const keys = Object.keys(left.map).filter((key) => JSON.stringify(left.map[key]) !== JSON.stringify(right.map[key]));
  if (keys.length > 0)
    return keys
      .map((key) => `${key} is ${JSON.stringify(right.map[key])} here and ${JSON.stringify(left.map[key])} at the first client`)
      .join("; ");
  const at = left.list.findIndex((each, index) => each !== right.list[index]);
  if (at >= 0 || left.list.length !== right.list.length)
    return `the list differs from place ${at} on: ${JSON.stringify(right.list.slice(at, at + 4))} here, ${JSON.stringify(left.list.slice(at, at + 4))} at the first client`;
  const shownAt = (of: View): ReadonlyMap<CoId, string> =>
    new Map(
      Object.values(of.threads)
        .flat()
        .map((message) => [message.id, JSON.stringify(message)]),
    );
  const [there, here] = [shownAt(left), shownAt(right)];
  const missing = [...there.keys()].filter((id) => !here.has(id)).length;
  const further = [...here.keys()].filter((id) => !there.has(id)).length;
  const other = [...here].filter(([id, text]) => there.has(id) && there.get(id) !== text);
  const [example] = other;
  return (
    `${here.size} messages here and ${there.size} at the first client: ${missing} are missing, ${further} are further ones, ${other.length} differ` +
    `${example === undefined ? "" : `, such as ${example[1]} for ${there.get(example[0]) ?? ""}`}` +
    `${client.isOpen ? "" : "; the server has closed this client's socket"}${first.isOpen ? "" : "; the server has closed the first client's socket"}`
  );
}

/** A breach with a client's last messages as its witness. */
export function breach(t: CaseContext, client: CaseClient, reason: Reason, expected: string, seen: string, last = 8): () => Breach {
  return () => ({ reason, expected, seen, witness: t.witness(client, last) });
}

/** Where the hub is: its own address, else `/hub` of the first. */
export function hubUrl(t: CaseContext): string {
  return t.target.legs["hub"] ?? `${t.urls[0].replace(/^http/, "ws")}${t.basePath}/hub`;
}

/** Opens a socket at the hub for the user of a client. `byHand`: the case says hello itself. */
export function openHub(
  t: CaseContext,
  client: CaseClient,
  options: { readonly byHand?: boolean; readonly room?: string } = {},
): Promise<CaseClient> {
  const room = `${options.byHand === true ? "hub?:" : "hub:"}${options.room ?? client.room}`;
  return t.open({ room, user: client.user, url: hubUrl(t), mustJoin: options.byHand !== true });
}

/** What a hub client was sent, in order, from an index of its frames on. */
export function hubHeard(client: CaseClient, from = 0): readonly HubOut[] {
  return client.frames.slice(from).flatMap(({ from: sender, frame }) => {
    if (sender === "client" || typeof frame !== "string") return [];
    const decoded = decodeHubOut(frame);
    return "message" in decoded ? [decoded.message] : [];
  });
}

/** Messages of the sync leg that a client was sent, from an index of its frames on. */
export function syncHeard(client: CaseClient, from = 0): readonly SyncMessage[] {
  return client.frames.slice(from).flatMap(({ from: sender, frame }) => {
    if (sender === "client" || typeof frame !== "string") return [];
    return decodeSync(frame).flatMap((line) => (line.kind === "message" ? [line.message] : []));
  });
}

/** Confirmations that a client has been given so far. */
export function acceptedCount(client: CaseClient): number {
  return client.seen.filter((each) => each.kind === "accepted").length;
}

/** Takes a device off the network, or puts it back. */
export async function network(t: CaseContext, client: CaseClient, isOn: boolean): Promise<void> {
  await act(client, { do: isOn ? "online" : "offline" });
  if (!(await t.until(() => client.isOpen === isOn, SHALL_MS)))
    throw new Precondition(`client ${client.number} could not go ${isOn ? "online" : "offline"}`);
}
