import type { Credential, Failure, Frame, HttpAnswer, Outbox } from "../../core/session.ts";
import { callFrame, connectFrame, disconnectFrame, readFrame, SOCKET_PATH } from "./codec.ts";
import type { CborValue } from "./dag-cbor.ts";
import type { PackValue } from "./msgpack.ts";

/** A stage of a login takes this at most (L-2). */
export const STAGE_MS_MAX = 10_000;

/** What a link has to tell. At most one for each frame. */
export type LinkEvent =
  | { readonly kind: "authenticated"; readonly did: string | undefined }
  | { readonly kind: "refused"; readonly text: string }
  | { readonly kind: "ack"; readonly id: number; readonly payload: PackValue }
  | { readonly kind: "notification"; readonly payload: PackValue }
  | { readonly kind: "ended" }
  | { readonly kind: "problem"; readonly text: string };

/**
 * The states and what leads from one to the next:
 *
 * | state | event | next |
 * |---|---|---|
 * | idle | begin | credential |
 * | credential | reply | connecting; a failure: over |
 * | connecting | opened | opening · refused: over |
 * | opening | the open packet: CONNECT is sent | signing in |
 * | signing in | `authenticated` | ready · `error`, DISCONNECT, CONNECT_ERROR: refused |
 * | ready | DISCONNECT | over |
 * | any | closed | over |
 */
type State = "idle" | "credential" | "connecting" | "opening" | "signing in" | "ready" | "refused" | "over";

/** Engine.IO, socket.io and the sign-in of one connection; knows no stream. A new link for each connection. */
export class Link {
  readonly #basePath: string;
  #state: State = "idle";
  #token: string | undefined;
  #user = "";
  #nextId = 0;
  #silentMs = Infinity;
  #deadlineMs = Infinity;

  constructor(basePath: string) {
    this.#basePath = basePath;
  }

  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** The user whose credential is shown. */
  get user(): string {
    return this.#user;
  }

  /** When the server must have done its next step: silence beyond it ends the connection. Infinity: never. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  begin(nowMs: number, out: Outbox): void {
    this.#to("credential", nowMs);
    out.needCredential("credential");
  }

  /** Gives why there will be no connection, else undefined. */
  reply(tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): Failure | undefined {
    if ("failure" in answer) {
      if (this.#state !== "credential" && this.#state !== "connecting") return undefined;
      this.#state = "over";
      return answer;
    }
    if (tag !== "credential" || !("user" in answer) || this.#state !== "credential") return undefined;
    this.#token = tokenOf(answer);
    this.#user = answer.user;
    this.#to("connecting", nowMs);
    out.connect(this.#basePath + SOCKET_PATH, [], answer.headers);
    return undefined;
  }

  opened(nowMs: number): void {
    if (this.#state === "connecting") this.#to("opening", nowMs);
  }

  frame(frame: Frame, nowMs: number, out: Outbox): LinkEvent | undefined {
    const read = readFrame(frame);
    if (!read.ok) return { kind: "problem", text: read.problem };
    const { value } = read;
    switch (value.kind) {
      case "open":
        if (this.#state !== "opening") return { kind: "problem", text: "a second open packet" };
        this.#silentMs = value.pingIntervalMs + value.pingTimeoutMs;
        this.#to("signing in", nowMs);
        out.send(connectFrame(this.#token));
        return undefined;
      case "ping":
        out.send("3");
        if (this.#state === "ready") this.#deadlineMs = nowMs + this.#silentMs;
        return undefined;
      case "connect":
      case "pong":
      case "noop":
        return undefined;
      case "close":
        return { kind: "ended" };
      case "ack":
        return { kind: "ack", id: value.id, payload: value.payload };
      case "event":
        return this.#event(value.name, value.arg, nowMs);
      case "connectError":
        this.#state = "refused";
        return { kind: "refused", text: value.message };
      case "disconnect":
        if (this.#state === "ready") return { kind: "ended" };
        if (this.#state === "refused") return undefined;
        this.#state = "refused";
        return { kind: "refused", text: "disconnected by the server" };
    }
  }

  #event(name: string, arg: PackValue, nowMs: number): LinkEvent | undefined {
    switch (name) {
      case "stream/subscription_response":
        return { kind: "notification", payload: arg };
      case "authenticated": {
        if (this.#state !== "signing in") return { kind: "problem", text: "authenticated, unasked" };
        const did = fieldOf(arg, "did");
        if (typeof did !== "string" && did !== null) return { kind: "problem", text: "authenticated as nobody in particular" };
        this.#state = "ready";
        this.#deadlineMs = nowMs + this.#silentMs;
        return { kind: "authenticated", did: did ?? undefined };
      }
      case "error":
        if (this.#state !== "signing in") return { kind: "problem", text: typeof arg === "string" ? `error: ${arg}` : "error" };
        this.#state = "refused";
        return { kind: "refused", text: typeof arg === "string" ? arg : "refused" };
      default:
        return { kind: "problem", text: `the event "${name.slice(0, 80)}"` };
    }
  }

  /** Sends a call; gives the id that its answer will have. */
  call(name: string, arg: CborValue, out: Outbox): number {
    const id = this.#nextId;
    this.#nextId += 1;
    out.send(callFrame(name, arg, id));
    return id;
  }

  /** The polite end. */
  leave(out: Outbox): void {
    if (this.#state === "ready") out.send(disconnectFrame());
    this.#state = "over";
    this.#deadlineMs = Infinity;
    out.close(1000, "");
  }

  closed(): void {
    this.#state = "over";
    this.#deadlineMs = Infinity;
  }

  #to(state: State, nowMs: number): void {
    this.#state = state;
    this.#deadlineMs = nowMs + STAGE_MS_MAX;
  }
}

/** The token of a credential: where it stands depends on the target; without one the session is anonymous. */
export function tokenOf({ query, headers }: Credential): string | undefined {
  const bearer = /^bearer (.+)$/i.exec(headers["authorization"] ?? "")?.[1];
  return query["token"] ?? Object.values(query)[0] ?? bearer;
}

function fieldOf(value: PackValue, name: string): PackValue {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
    ? (value as Readonly<Record<string, PackValue>>)[name]
    : undefined;
}
