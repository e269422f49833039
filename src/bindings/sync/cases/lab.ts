/** An answer to a request; status 0 when none came. */
export interface LabAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body as an object; empty when it is none. */
  readonly json: Readonly<Record<string, unknown>>;
  /** From the request to the last byte, without the time for which the harness was held up meanwhile. */
  readonly ms: number;
}

export interface LabRequest {
  readonly url: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly localAddress?: string;
  /** Default 10 s. */
  readonly withinMs?: number;
}

export interface LabHandshake {
  readonly url: string;
  readonly path: string;
  /** The whole value of `Sec-WebSocket-Protocol`; none when left out. */
  readonly offer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly localAddress?: string;
}

/** A frame that came; `atMs` of the harness's monotonic clock. */
export interface LabFrame {
  readonly atMs: number;
  readonly data: Uint8Array | string;
}

/** A WebSocket in the hands of a case, or what came instead of one. */
export interface LabSocket {
  /** Status of the answer to the handshake; 0 when none came. */
  readonly status: number;
  /** What the answer names as the sub-protocol. */
  readonly protocol: string | undefined;
  /** Body of a refusal. */
  readonly body: string;
  /** From the handshake's begin to its answer, without the time for which the harness was held up meanwhile. */
  readonly ms: number;
  readonly isOpen: boolean;
  readonly closed: { readonly code: number; readonly reason: string; readonly atMs: number } | undefined;
  readonly frames: readonly LabFrame[];
  /** Called with each frame as it comes, beside being kept. */
  onFrame: ((frame: LabFrame) => void) | undefined;
  send(data: Uint8Array | string): void;
  /** As fragments of so many bytes. */
  sendPieces(data: Uint8Array, bytes: number): void;
  /** Bytes past the WebSocket, such as half of a frame. */
  sendRaw(bytes: Uint8Array): void;
  /** Stops reading: pings are not answered either. */
  pause(): void;
  resume(): void;
  close(code?: number): void;
  /** Ends the connection without a close frame. */
  cut(): void;
  /** Ends it by a TCP reset. */
  reset(): void;
}

/** A document of the case's own: list `log`, text `t`, map `m` (Y-18). */
export interface LabDocument {
  versionVector(): Uint8Array;
  /** Version as text, equal for equal versions. */
  version(): string;
  /** Pushes a name onto `log`; gives the update. */
  push(name: string): Uint8Array;
  /** Puts text into `t` at a share of its length. */
  type(at: number, text: string): Uint8Array;
  erase(at: number, count: number): Uint8Array;
  set(key: string, value: string | Uint8Array): Uint8Array;
  /** Takes an update in, by the next look at the document. */
  take(update: Uint8Array): void;
  /** How many of the updates that it was given could not be read. */
  unread(): number;
  /** Names in `log`. */
  names(): readonly string[];
  /** Canonical JSON of the whole. */
  json(): string;
  textLength(): number;
}

/** Many identities behind one key, in a directory of the lab: for 20,000 at once. */
export interface Crowd {
  /** The directory's base URL. */
  readonly url: string;
  did(index: number): string;
  jwt(index: number, audience: string, method: string): string;
}

/** Sockets, requests and documents of a case's own; what only Node has. All of it ends with the case. */
export interface Lab {
  http(request: LabRequest): Promise<LabAnswer>;
  /** Resolves once the handshake is answered; never rejects. */
  open(handshake: LabHandshake): Promise<LabSocket>;
  /** Writes text to a fresh TCP connection and gives what came back until it ended or the time was over. */
  raw(url: string, text: string, withinMs: number): Promise<string>;
  document(): LabDocument;
  crowd(): Promise<Crowd>;
  /** A did:web of the lab's own whose document names a service's address, once that is known. */
  service(): Promise<{ readonly did: string; point(url: string): void }>;
  /** A fresh folder. */
  folder(): string;
  /** A text that is short, different for different bytes. */
  digest(bytes: Uint8Array): string;
  /** Bytes of the harness's process that are in use, and the wall clock in seconds. */
  nowS(): number;
  close(): Promise<void>;
}
