import { CHUNK_BYTES, CHUNK_BYTES_MAX } from "./format.ts";

/** Bytes that every event has room for before its texts are looked at. */
const EVENT_BYTES = 128;

/** Takes filled buffers; gives an empty one in exchange, or undefined when too much is waiting already. */
export interface Sink {
  exchange(filled: Buffer, length: number, least: number): Buffer | undefined;
}

/**
 * Writes events into a buffer that is used again and again; nothing is allocated for an event. Once the sink has no
 * buffer left, or an event is larger than any chunk, `lost` says why, and everything from then on is left out.
 */
export class EventBuffer {
  readonly #sink: Sink;
  #bytes: Buffer;
  #at = 0;
  lost: string | undefined;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.#bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  /** Begins an event; `payload` is the most that its texts and bytes may need. False: it must not be written. */
  begin(kind: number, payload = 0): boolean {
    const needed = EVENT_BYTES + payload;
    if (this.#bytes.length - this.#at < needed && !this.#flush(needed)) return false;
    if (this.lost !== undefined) return false;
    this.#bytes[this.#at++] = kind;
    return true;
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  /** A whole number from 0 to 2^53, seven bits a byte, lowest first. */
  whole(value: number): void {
    const bytes = this.#bytes;
    let rest = value;
    while (rest >= 0x8000_0000) {
      bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      bytes[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[this.#at++] = rest;
  }

  /** A whole number of either sign: twice its size, less one where it is below 0. */
  signed(value: number): void {
    this.whole(value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(value: number): void {
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** Length in bytes, then UTF-8. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.whole(length);
    this.#at += this.#bytes.write(value, this.#at, length, "utf8");
  }

  raw(value: Uint8Array): void {
    this.whole(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Hands over what is there. */
  flush(): void {
    if (this.#at > 0) this.#flush(0);
  }

  #flush(least: number): boolean {
    if (this.lost !== undefined) return false;
    if (least > CHUNK_BYTES_MAX) this.lost = `one event of over ${CHUNK_BYTES_MAX} bytes`;
    else {
      const empty = this.#sink.exchange(this.#bytes, this.#at, least);
      if (empty === undefined) this.lost = "it could not be written as fast as the run went";
      else this.#bytes = empty;
    }
    this.#at = 0;
    return this.lost === undefined;
  }
}
