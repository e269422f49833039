import { type Breach, type CaseContext, Precondition } from "../../../core/case.ts";
import type { WitnessStep } from "../../../core/checker.ts";
import type { Reason } from "../../../core/reason.ts";
import { shardOfRoom } from "../../../core/room-shard.ts";
import type { Frame } from "../../../core/session.ts";
import { type Codec, codecOf, readServerFrame } from "../codec.ts";
import { type Fields, isFields, own, parseJson, shownText } from "../json.ts";
import type { ClientMessage, ServerMessage, StepJson, UserPresence } from "../messages.ts";
import type { Kit, RawSocket } from "./kit.ts";

/** What shall come comes within this (the protocol says 2 s where the common rule says 5). */
export const SOON_MS = 2_000;
/** What shall not come is watched for this long. */
export const WATCH_MS = 2_000;
/** Frames that a witness shows. */
const WITNESS_FRAMES = 6;
/** Frames that a peer keeps; a flood beyond that is let go. */
const FRAMES_MAX = 50_000;

export interface Heard {
  readonly atMs: number;
  readonly frame: Frame;
  readonly type: string;
  readonly fields: Fields;
  /** As the codec reads it; undefined when it cannot. */
  readonly message: ServerMessage | undefined;
}

export type Outcome =
  | { readonly kind: "ack"; readonly version: number; readonly atMs: number }
  | { readonly kind: "error"; readonly code: string; readonly atMs: number }
  | { readonly kind: "closed" }
  | { readonly kind: "silent" };

interface Said {
  readonly atMs: number;
  readonly text: string;
}

/** One socket of a case, with what it heard. It answers pings and does nothing else by itself. */
export class Peer {
  readonly t: CaseContext;
  readonly kit: Kit;
  readonly codec: Codec;
  readonly id: string;
  readonly room: string;
  readonly heard: Heard[] = [];
  readonly #said: Said[] = [];
  #socket: RawSocket | undefined;
  /** The version that this side knows by snapshots, steps and confirmations. */
  version = 0;

  readonly #base: string;

  constructor(t: CaseContext, kit: Kit, room: string, id: string, base: string = urlOf(t, room)) {
    this.#base = base;
    this.t = t;
    this.kit = kit;
    this.codec = codecOf(t.target.dialect);
    this.room = room;
    this.id = id;
  }

  /** Opens the socket, without joining. Gives whether it is open. */
  async open(): Promise<boolean> {
    const url = this.#base.replace(/^http/, "ws") + this.t.basePath + this.codec.path(this.room);
    this.#socket = await this.kit.open(url, (frame) => this.#take(frame));
    return this.#socket !== undefined;
  }

  get socket(): RawSocket {
    if (this.#socket === undefined) throw new Precondition(`${this.id} has no socket`);
    return this.#socket;
  }

  get isOpen(): boolean {
    return this.#socket?.isOpen === true;
  }

  /** Index of the next frame. */
  get mark(): number {
    return this.heard.length;
  }

  #take(frame: Frame): void {
    const atMs = this.t.nowMs();
    const value = typeof frame === "string" ? parseJson(frame) : undefined;
    const fields = isFields(value) ? value : {};
    const parsed = readServerFrame(this.codec, frame);
    const message = parsed.ok ? parsed.value : undefined;
    const type = own(fields, "type");
    if (message?.type === "ping") this.send({ type: "pong", ts: message.ts });
    if (message?.type === "ack" || message?.type === "steps" || message?.type === "doc-snapshot") this.version = message.version;
    if (this.heard.length < FRAMES_MAX) this.heard.push({ atMs, frame, type: typeof type === "string" ? type : "", fields, message });
  }

  /** The text of a message as this user sends it. */
  text(message: ClientMessage): string {
    return this.codec.writeClient(message, { room: this.room, user: this.id, epochMs: this.kit.epochMs() });
  }

  send(message: ClientMessage): void {
    this.raw(this.text(message));
  }

  /** A message with fields of its own on top; undefined takes one away. */
  bent(message: ClientMessage, fields: Readonly<Record<string, unknown>>): void {
    this.raw(JSON.stringify({ ...(parseJson(this.text(message)) as object), ...fields }));
  }

  raw(frame: Frame): void {
    this.#said.push({ atMs: this.t.nowMs(), text: typeof frame === "string" ? frame.slice(0, 500) : `${frame.length} bytes` });
    if (this.#said.length > 100) this.#said.shift();
    this.#socket?.send(frame);
  }

  /** The first frame from a mark on that fits, within the time. */
  async hear(fits: (heard: Heard) => boolean, from: number, withinMs: number = SOON_MS): Promise<Heard | undefined> {
    let next = from;
    let found: Heard | undefined;
    await this.t.until(() => {
      for (; found === undefined && next < this.heard.length; next += 1) {
        const each = this.heard[next];
        if (each !== undefined && fits(each)) found = each;
      }
      return found !== undefined;
    }, withinMs);
    return found;
  }

  of<Type extends ServerMessage["type"]>(type: Type, from = 0): readonly Extract<ServerMessage, { type: Type }>[] {
    return this.heard
      .slice(from)
      .flatMap(({ message }) => (message?.type === type ? [message as Extract<ServerMessage, { type: Type }>] : []));
  }

  /** Sends steps and waits for the verdict. The version is the one this side knows unless another is given. */
  async steps(steps: readonly StepJson[], version: number = this.version, userId: string = this.id): Promise<Outcome> {
    const from = this.mark;
    this.send({ type: "steps", steps, version, userId });
    return this.verdict(from);
  }

  /** The answer to what was sent: a confirmation, an error, or the end of the connection. */
  async verdict(from: number, withinMs: number = SOON_MS): Promise<Outcome> {
    const isAnswer = (heard: Heard): boolean => heard.message?.type === "ack" || heard.type === "error";
    let answer: Heard | undefined;
    await this.t.until(() => {
      answer = this.heard.slice(from).find(isAnswer);
      return answer !== undefined || !this.isOpen;
    }, withinMs);
    if (answer?.message?.type === "ack") return { kind: "ack", version: answer.message.version, atMs: answer.atMs };
    if (answer !== undefined) return { kind: "error", code: shownText(own(answer.fields, "code")), atMs: answer.atMs };
    return { kind: this.isOpen ? "silent" : "closed" };
  }

  /** Joins and waits for the document; undefined when it does not come. */
  async join(presence?: UserPresence, withinMs: number = SOON_MS): Promise<Heard | undefined> {
    const from = this.mark;
    this.send({ type: "join", userId: this.id, ...(presence === undefined ? {} : { presence }) });
    const snapshot = await this.hear(({ message }) => message?.type === "doc-snapshot", from, withinMs);
    // The list of those present follows it at once.
    if (snapshot !== undefined) await this.hear(({ message }) => message?.type === "presence", from, 500);
    return snapshot;
  }

  /** Asks for the document. */
  async doc(withinMs = 5_000): Promise<{ readonly version: number; readonly content: string; readonly doc: Fields }> {
    const from = this.mark;
    this.send({ type: "doc-request" });
    const found = await this.hear(({ message }) => message?.type === "doc-snapshot", from, withinMs);
    if (found?.message?.type !== "doc-snapshot") throw new Precondition("doc-request got no answer");
    const { version, doc } = found.message;
    return { version, content: this.kit.editing(this.t.target.dialect).canonical(doc), doc: doc as Fields };
  }

  /** The last values of presence that it was told, by user; those who left are gone. */
  presences(from = 0): ReadonlyMap<string, UserPresence> {
    const users = new Map<string, UserPresence>();
    for (const { message } of this.heard.slice(from)) {
      if (message?.type === "presence") for (const [id, presence] of message.users) users.set(id, presence);
      if (message?.type === "join" && message.presence !== undefined) users.set(message.userId, message.presence);
      if (message?.type === "leave") users.delete(message.userId);
    }
    return users;
  }

  breach(reason: Reason, expected: string, seen: string): () => Breach {
    return () => ({ reason, expected, seen, witness: this.witness() });
  }

  witness(): readonly WitnessStep[] {
    const client = `client ${this.id}`;
    const sent = this.#said
      .slice(-WITNESS_FRAMES)
      .map(({ atMs, text }) => ({ atMs, from: client, to: "server", label: text.slice(0, 80), frame: text }));
    const got = this.heard.slice(-WITNESS_FRAMES).map(({ atMs, type, frame }) => ({
      atMs,
      from: "server",
      to: client,
      label: type,
      frame: typeof frame === "string" ? frame.slice(0, 2_000) : `${frame.length} bytes`,
    }));
    return [...sent, ...got].sort((left, right) => left.atMs - right.atMs);
  }

  end(): void {
    if (this.#socket?.isOpen === true) this.#socket.close(1000);
  }
}

/** The server that has the room, where the target has several. */
function urlOf({ urls }: CaseContext, room: string): string {
  return urls[shardOfRoom(room, urls.length)] ?? urls[0];
}

/** A case's peers: all of them end with it. */
export interface Table {
  readonly t: CaseContext;
  readonly kit: Kit;
  /** A fresh user's socket, open and not joined; at the target's first URL unless another is given. */
  stranger(room: string, id?: string, base?: string): Promise<Peer>;
  /** A fresh user's socket that has joined. */
  member(room: string, options?: { readonly id?: string; readonly presence?: UserPresence }): Promise<Peer>;
  members(room: string, count: number): Promise<readonly Peer[]>;
}

/** Runs a case's body with a table, and ends its sockets whatever comes. */
export async function withPeers(t: CaseContext, kit: Kit, body: (table: Table) => Promise<void>): Promise<void> {
  const peers: Peer[] = [];
  const stranger: Table["stranger"] = async (room, id, base) => {
    const peer = new Peer(t, kit, room, id ?? (await t.user()).id, base);
    peers.push(peer);
    if (!(await peer.open())) throw new Precondition("no socket could be opened");
    return peer;
  };
  const member: Table["member"] = async (room, options = {}) => {
    const peer = await stranger(room, options.id);
    if ((await peer.join(options.presence, 5_000)) === undefined) throw new Precondition("a join got no document");
    return peer;
  };
  try {
    await body({
      t,
      kit,
      stranger,
      member,
      members: async (room, count) => {
        const all: Peer[] = [];
        while (all.length < count)
          all.push(...(await Promise.all(Array.from({ length: Math.min(20, count - all.length) }, () => member(room)))));
        return all;
      },
    });
  } finally {
    for (const peer of peers) peer.end();
  }
}

/** One step that inserts text. */
export function insert(at: number, text: string): StepJson {
  return { stepType: "replace", from: at, to: at, slice: { content: [{ type: "text", text }] } };
}

/** One step that deletes. */
export function remove(from: number, to: number): StepJson {
  return { stepType: "replace", from, to };
}

/** Writes steps, which must be accepted. */
export async function mustWrite(peer: Peer, steps: readonly StepJson[]): Promise<void> {
  const outcome = await peer.steps(steps);
  if (outcome.kind !== "ack") throw new Precondition(`good steps were not accepted: ${outcome.kind}`);
}
