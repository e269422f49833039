import type { Via } from "./surroundings.ts";

/** What a connection tells its client. Bytes are valid during the call only. */
export interface TransportEvents {
  opened(): void;
  /** Asked of each message before `frame`: whether it is known by its bytes. True takes it; there is no `frame` then. */
  expects(bytes: Uint8Array, start: number, end: number, isText: boolean): boolean;
  frame(bytes: Uint8Array, start: number, end: number, isText: boolean): void;
  /** After `opened`; once. */
  closed(code: number, reason: string): void;
  /**
   * Instead of `opened`; `status` is 0 when no HTTP answer came, or a 101 that is no valid one. `answer` is given by
   * transports that read a refusal to its end.
   */
  refused(status: number, text: string, answer?: RefusedUpgrade): void;
}

/** What else the answer to a refused upgrade holds. */
export interface RefusedUpgrade {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The first 64 KiB at most. */
  readonly body: string;
}

export interface ConnectOptions {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  /** Loopback address to connect from: one address has about 28,000 ports. */
  readonly localAddress: string | undefined;
  /** Dialled in place of the URL's host and port; what is said there stays as the URL has it. */
  readonly via?: Via | undefined;
}

export interface Connection {
  send(frame: string | Uint8Array): void;
  close(code: number, reason: string): void;
  /** Ends the TCP connection without a close frame. */
  cut(): void;
}

export interface Transport {
  connect(options: ConnectOptions, events: TransportEvents): Connection;
}

/** Servers send messages up to 1 MiB; eight times that is a server gone wrong, and is closed with 1009. */
export const FRAME_BYTES_MAX: number = 8 * 1024 * 1024;

/** An upgrade takes 5 s at most by every protocol; twice that is given up. */
export const HANDSHAKE_MS_MAX: number = 10_000;

/** A peer that does not read: more than this waiting to be sent ends the connection. */
export const SEND_BUFFER_BYTES_MAX: number = 8 * 1024 * 1024;

/** A keepalive comes every few seconds; a server that sends more pings than this a second is flooding. */
export const PINGS_PER_SECOND_MAX: number = 100;

/** A close frame that is not answered: the socket is ended. */
export const CLOSE_MS_MAX: number = 2_000;
