import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { decodeHubIn } from "../codec.ts";
import type { Broadcast, HubIn, HubOut, Refusal, Status } from "../messages.ts";
import type { HubFault } from "./fault.ts";

/** What the hub asks of the relay: keys and roles, which are readable there. */
export interface HubKnowledge {
  readonly isProof: (account: string, nonce: string, proof: string) => Promise<boolean>;
  readonly isMember: (account: string, space: string) => Promise<boolean>;
}

export interface HubOptions {
  readonly knowledge: HubKnowledge;
  readonly fault: HubFault;
  readonly demandsProof: boolean;
  /** Timers run this many times faster. */
  readonly timeScale: number;
}

const FRAME_BYTES_MAX = 1024 * 1024;
/** J-1, J-9, X-11. */
const HELLO_MS_MAX = 10_000;
const TYPING_MS_MAX = 9_000;
const PING_MS = 20_000;
const SILENT_MS_MAX = 45_000;
/** More frames than this a second from one socket are a flood. */
const FRAMES_PER_SECOND_MAX = 5_000;

interface Client {
  readonly socket: WebSocket;
  readonly nonce: string;
  member: { readonly account: string; readonly space: string } | undefined;
  heardMs: number;
  frames: number;
  readonly typing: Map<string, NodeJS.Timeout>;
}

/** The seed's side channel: hints, typing and presence between the sockets of a space. Keeps nothing. */
export class Hub {
  readonly #options: HubOptions;
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX });
  readonly #clients = new Set<Client>();
  readonly #statuses = new Map<string, Status>();
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(options: HubOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => this.#sweep(), Math.max(50, PING_MS / options.timeScale / 4)),
      setInterval(() => {
        for (const { socket } of this.#clients) socket.ping();
      }, PING_MS / options.timeScale),
      setInterval(() => {
        for (const client of this.#clients) client.frames = 0;
      }, 1_000),
    ];
  }

  get connections(): number {
    return this.#clients.size;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (client) => this.#enter(client));
  }

  cut(): void {
    for (const { socket } of this.#clients) socket.terminate();
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.cut();
    this.#server.close();
  }

  /** Sends to every socket of a space, for a harness that plays other users. */
  tell(message: Broadcast): void {
    for (const client of this.#clients) if (client.member !== undefined) send(client, message);
  }

  #enter(socket: WebSocket): void {
    const client: Client = {
      socket,
      nonce: randomBytes(16).toString("hex"),
      member: undefined,
      heardMs: performance.now(),
      frames: 0,
      typing: new Map(),
    };
    this.#clients.add(client);
    const patience = setTimeout(() => {
      if (client.member === undefined) socket.close(4401, "no hello");
    }, HELLO_MS_MAX / this.#options.timeScale);
    const heard = (): void => {
      client.heardMs = performance.now();
    };
    socket.on("pong", heard);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(patience);
      this.#leave(client);
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      heard();
      this.#take(client, data, isBinary).catch(() => socket.close(1011, "fault"));
    });
    send(client, { type: "challenge", nonce: client.nonce });
  }

  async #take(client: Client, data: Buffer, isBinary: boolean): Promise<void> {
    client.frames += 1;
    if (client.frames > FRAMES_PER_SECOND_MAX) return this.#refuse(client, "rate", "too many frames a second");
    if (isBinary) return this.#unusable(client, "bad-frame", "text frames only");
    const decoded = decodeHubIn(data.toString("utf8"));
    if ("code" in decoded) {
      const takes = this.#options.fault.takesUnknownStatus === true && decoded.why.startsWith("presence");
      if (takes) this.#broadcast(client, JSON.parse(data.toString("utf8")) as Broadcast);
      else this.#unusable(client, decoded.code, decoded.why);
      return;
    }
    const { message } = decoded;
    if (message.type === "hello") return this.#hello(client, message);
    if (client.member === undefined) return this.#refuse(client, "not-ready", "hello comes first");
    const who = message.type === "message" ? message.data.author : message.userId;
    if (who !== client.member.account) return this.#refuse(client, "identity-mismatch", "only in your own name");
    this.#act(client, message);
  }

  async #hello(client: Client, { account, space, proof }: Extract<HubIn, { type: "hello" }>): Promise<void> {
    const { knowledge, fault, demandsProof } = this.#options;
    if (client.member !== undefined) return this.#refuse(client, "bad-message", "hello comes once");
    if (demandsProof && fault.skipsProof !== true && !(proof !== undefined && (await knowledge.isProof(account, client.nonce, proof)))) {
      this.#refuse(client, "bad-proof", "the nonce signed by the account's key is wanted");
      client.socket.close(4401, "bad-proof");
      return;
    }
    if (fault.skipsMembership !== true && !(await knowledge.isMember(account, space))) {
      this.#refuse(client, "not-member", "no role in the group of this space");
      client.socket.close(4403, "not-member");
      return;
    }
    if (client.socket.readyState !== client.socket.OPEN) return;
    client.member = { account, space };
    const presence: Record<string, Status> = {};
    for (const other of this.#others(client, false)) {
      const status = this.#statuses.get(keyOf(other.member));
      if (other.member !== undefined && other.member.account !== account && status !== undefined) presence[other.member.account] = status;
    }
    const ready = { type: "ready", account, presence } as const;
    send(client, fault.ready?.(ready) ?? ready);
    this.#setStatus(client, "online");
  }

  #act(client: Client, message: Broadcast): void {
    if (message.type === "presence") return this.#setStatus(client, message.status);
    if (message.type === "typing") {
      const thread = message.threadId ?? "";
      clearTimeout(client.typing.get(thread));
      client.typing.delete(thread);
      if (message.isTyping && this.#options.fault.keepsTyping !== true) {
        client.typing.set(
          thread,
          setTimeout(() => this.#stopTyping(client, thread), TYPING_MS_MAX / this.#options.timeScale),
        );
      }
    }
    this.#broadcast(client, message);
    if (message.type === "message" && client.typing.has(message.data.threadId)) this.#stopTyping(client, message.data.threadId);
  }

  #stopTyping(client: Client, thread: string): void {
    clearTimeout(client.typing.get(thread));
    client.typing.delete(thread);
    if (client.member === undefined) return;
    this.#broadcast(client, {
      type: "typing",
      userId: client.member.account,
      isTyping: false,
      ...(thread === "" ? {} : { threadId: thread }),
    });
  }

  #setStatus(client: Client, status: Status): void {
    if (client.member === undefined) return;
    const changed = this.#options.fault.status === undefined ? status : this.#options.fault.status(status);
    if (changed === undefined) return;
    const key = keyOf(client.member);
    const before = this.#statuses.get(key);
    if (before === changed) return;
    if (changed === "offline") this.#statuses.delete(key);
    else this.#statuses.set(key, changed);
    this.#broadcast(client, { type: "presence", userId: client.member.account, status: changed });
  }

  #leave(client: Client): void {
    this.#clients.delete(client);
    const { member } = client;
    if (member === undefined) return;
    for (const thread of Array.from(client.typing.keys())) this.#stopTyping(client, thread);
    const isLast = ![...this.#clients].some((each) => keyOf(each.member) === keyOf(member));
    if (this.#options.fault.keepsPresence !== true && (isLast || this.#options.fault.offlineAtFirstClose === true))
      this.#setStatus(client, "offline");
    client.member = undefined;
  }

  #others(client: Client, isWide: boolean): readonly Client[] {
    const { echoes } = this.#options.fault;
    return [...this.#clients].filter(
      (each) => (each !== client || echoes === true) && each.member !== undefined && (isWide || each.member.space === client.member?.space),
    );
  }

  #broadcast(client: Client, message: Broadcast): void {
    const { fault } = this.#options;
    const from = client.member;
    if (from === undefined) return;
    for (const other of this.#others(client, fault.leaksSpaces === true)) {
      const sent = fault.sending === undefined || other.member === undefined ? message : fault.sending(message, from, other.member);
      if (sent !== undefined) send(other, sent);
    }
  }

  #unusable(client: Client, code: Refusal, text: string): void {
    if (this.#options.fault.unusable?.(() => this.cut()) === true) return;
    this.#refuse(client, code, text);
  }

  #refuse(client: Client, code: Refusal, text: string): void {
    send(client, { type: "refused", code, message: text });
  }

  /** a peer that answers no ping is gone. */
  #sweep(): void {
    const limitMs = SILENT_MS_MAX / this.#options.timeScale;
    for (const client of this.#clients) {
      if (performance.now() - client.heardMs <= limitMs) continue;
      client.socket.close(4408, "silent");
      client.socket.terminate();
    }
  }
}

function keyOf(member: Client["member"]): string {
  return member === undefined ? "" : `${member.space} ${member.account}`;
}

function send(client: Client, message: HubOut): void {
  if (client.socket.readyState === client.socket.OPEN) client.socket.send(JSON.stringify(message));
}
