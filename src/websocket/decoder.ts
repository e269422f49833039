import { isUtf8 } from "node:buffer";
import { CLOSE, CONTROL_BYTES_MAX, type Fault, isCloseCode, OPCODE } from "./protocol.ts";

/** What a decoder finds, in the order of the wire. Bytes are valid during the call only: they may lie in the caller's read buffer. */
export interface DecoderEvents {
  /**
   * Asked of a whole message before its text is held against UTF-8: whether these are bytes that were looked at before.
   * True takes the message; it is not given again.
   */
  expects?(bytes: Uint8Array, start: number, end: number, isText: boolean): boolean;
  /** A whole message; text is valid UTF-8. */
  message(bytes: Uint8Array, start: number, end: number, isText: boolean): void;
  ping(bytes: Uint8Array, start: number, end: number): void;
  /** Code 1005 when the frame has none. Nothing comes after it. */
  closeReceived(code: number, reason: string): void;
}

const FIN = 0x80;
const RESERVED_BITS = 0x70;
const OPCODE_BITS = 0x0f;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const TEXT_WHOLE = FIN | OPCODE.text;
const BINARY_WHOLE = FIN | OPCODE.binary;

/** Header bytes of an unmasked frame at most. */
const HEADER_BYTES_MAX = 10;

/** Up to this length a loop is quicker than a view for `isUtf8` (60 bytes: 28 against 75 ns; 170 bytes: 107 against 53). */
const ASCII_LOOP_BYTES_MAX = 96;

/** A frame that is awaited gets its room at once up to here; beyond, room grows with what has come, not with what was announced. */
const ROOM_BYTES_AT_ONCE = 64 * 1024;

const protocolError = (text: string): Fault => ({ closeCode: CLOSE.protocolError, text });

const FAULTS = {
  reservedBits: protocolError("a reserved bit is set though no extension was agreed (§5.2)"),
  reservedOpcode: protocolError("a reserved opcode (§5.2)"),
  masked: protocolError("a masked frame from a server (§5.1)"),
  fragmentedControl: protocolError("a fragmented control frame (§5.4)"),
  longControl: protocolError("a control frame of more than 125 bytes (§5.5)"),
  nothingToContinue: protocolError("a continuation of nothing (§5.4)"),
  unfinished: protocolError("a new message before the end of a fragmented one (§5.4)"),
  wastefulLength: protocolError("a length not in its shortest form (§5.2)"),
  closeOfOneByte: protocolError("a close frame of one byte (§5.5.1)"),
  closeCode: protocolError("a close code that may not be sent (§7.4)"),
  closeReason: { closeCode: CLOSE.notUtf8, text: "a close reason that is not UTF-8 (§5.5.1)" },
  notUtf8: { closeCode: CLOSE.notUtf8, text: "a text message that is not UTF-8 (§8.1)" },
  tooBig: { closeCode: CLOSE.tooBig, text: "a message over the size limit (§7.4.1)" },
} as const satisfies Record<string, Fault>;

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= ASCII_LOOP_BYTES_MAX) {
    let bits = 0;
    for (let index = start; index < end; index += 1) bits |= bytes[index] ?? 0;
    if (bits < 0x80) return true;
  }
  return isUtf8(bytes.subarray(start, end));
}

/**
 * A server's frames, read by a client (RFC 6455 §5), without I/O: bytes in, events out, however the bytes are cut. A
 * message whose one frame lies whole in the bytes handed in is given on from there, without a copy; only the
 * beginning of a frame that is not yet all there is kept, and only until it is. Never throws on what a server sends.
 */
export class Decoder {
  readonly #bytesMax: number;
  /** The beginning of a frame, `#keptLength` bytes of it; undefined between reads that end with a frame. */
  #kept: Uint8Array | undefined;
  #keptLength = 0;
  /** Payload of the fragments so far; its room is at least `#messageLength`. */
  #message: Uint8Array | undefined;
  #messageLength = 0;
  /** Text or binary while a fragmented message is open, otherwise 0. */
  #messageOpcode = 0;
  #isOver = false;
  #fault: Fault | undefined;

  /** `bytesMax`: greatest message, all fragments together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Reads no further, also when called from within an event. */
  stop(): void {
    this.#isOver = true;
    this.#kept = undefined;
    this.#keptLength = 0;
    this.#message = undefined;
  }

  /**
   * Reads `bytes` from `start` to `end`. Gives what the server did against the protocol, if it did: after that, after
   * a close frame and after `stop`, everything is passed over.
   */
  push(bytes: Uint8Array, start: number, end: number, events: DecoderEvents): Fault | undefined {
    let at = start;
    while (at < end && !this.#isOver) {
      if (this.#keptLength > 0) {
        at = this.#complete(bytes, at, end, events);
        continue;
      }
      const first = bytes[at] ?? 0;
      const second = bytes[at + 1] ?? 0;
      // Nearly all that comes is this: a message in one frame that lies here whole. What it says is passed by #frameSize, too.
      if ((first === TEXT_WHOLE || first === BINARY_WHOLE) && second <= LENGTH_16 && this.#messageOpcode === 0) {
        const isLong = second === LENGTH_16;
        const from = at + (isLong ? 4 : 2);
        const length = isLong ? ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0) : second;
        const to = from + length;
        if (to <= end && length <= this.#bytesMax && (!isLong || length >= LENGTH_16)) {
          this.#whole(first & OPCODE_BITS, bytes, from, to, events);
          at = to;
          continue;
        }
      }
      const size = this.#frameSize(bytes, at, end);
      if (size === 0 || at + size > end) {
        this.#keep(bytes, at, end, size);
        break;
      }
      this.#frame(bytes, at, at + size, events);
      at += size;
    }
    return this.#fault;
  }

  /** Adds to the frame that is awaited, and reads it once it is whole. Gives where the bytes go on. */
  #complete(bytes: Uint8Array, start: number, end: number, events: DecoderEvents): number {
    let at = start;
    for (;;) {
      const kept = this.#kept;
      if (kept === undefined || this.#isOver) return end;
      const size = this.#frameSize(kept, 0, this.#keptLength);
      if (this.#isOver) return end;
      if (size > 0 && size === this.#keptLength) {
        this.#kept = undefined;
        this.#keptLength = 0;
        this.#frame(kept, 0, size, events);
        return at;
      }
      if (at === end) return end;
      const until = Math.min(end, at + (size === 0 ? 1 : size - this.#keptLength));
      this.#keep(bytes, at, until, size);
      at = until;
    }
  }

  #keep(bytes: Uint8Array, start: number, end: number, size: number): void {
    if (this.#isOver) return;
    const length = this.#keptLength + end - start;
    let kept = this.#kept;
    if (kept === undefined || kept.length < length) {
      const room =
        size === 0 ? HEADER_BYTES_MAX : size <= ROOM_BYTES_AT_ONCE ? size : Math.min(size, Math.max(ROOM_BYTES_AT_ONCE, 2 * length));
      const larger = new Uint8Array(Math.max(room, length));
      if (kept !== undefined) larger.set(kept.subarray(0, this.#keptLength));
      kept = larger;
      this.#kept = kept;
    }
    kept.set(bytes.subarray(start, end), this.#keptLength);
    this.#keptLength = length;
  }

  /** Bytes of the frame at `at`, header and payload; 0 while its header is not all there, or when it is at fault. */
  #frameSize(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < 2) return 0;
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    const opcode = first & OPCODE_BITS;
    if ((first & RESERVED_BITS) !== 0) return this.#fail(FAULTS.reservedBits);
    if ((second & MASKED) !== 0) return this.#fail(FAULTS.masked);
    if (opcode >= OPCODE.close) {
      if (opcode > OPCODE.pong) return this.#fail(FAULTS.reservedOpcode);
      if ((first & FIN) === 0) return this.#fail(FAULTS.fragmentedControl);
      if (second > CONTROL_BYTES_MAX) return this.#fail(FAULTS.longControl);
      return 2 + second;
    }
    if (opcode > OPCODE.binary) return this.#fail(FAULTS.reservedOpcode);
    if (opcode === OPCODE.continuation) {
      if (this.#messageOpcode === 0) return this.#fail(FAULTS.nothingToContinue);
    } else if (this.#messageOpcode !== 0) return this.#fail(FAULTS.unfinished);
    let length = second;
    let header = 2;
    if (second === LENGTH_16) {
      if (end - at < 4) return 0;
      header = 4;
      length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
      if (length < LENGTH_16) return this.#fail(FAULTS.wastefulLength);
    } else if (second === LENGTH_64) {
      if (end - at < HEADER_BYTES_MAX) return 0;
      header = HEADER_BYTES_MAX;
      length = 0;
      for (let index = at + 2; index < at + HEADER_BYTES_MAX; index += 1) length = length * 256 + (bytes[index] ?? 0);
      if (length < 0x1_0000) return this.#fail(FAULTS.wastefulLength);
    }
    if (length > this.#bytesMax - this.#messageLength) return this.#fail(FAULTS.tooBig);
    return header + length;
  }

  /** A whole frame, whose header `#frameSize` has passed. */
  #frame(bytes: Uint8Array, at: number, end: number, events: DecoderEvents): void {
    const first = bytes[at] ?? 0;
    const second = bytes[at + 1] ?? 0;
    const start = at + (second < LENGTH_16 ? 2 : second === LENGTH_16 ? 4 : HEADER_BYTES_MAX);
    const opcode = first & OPCODE_BITS;
    switch (opcode) {
      case OPCODE.text:
      case OPCODE.binary:
        if ((first & FIN) !== 0) {
          this.#whole(opcode, bytes, start, end, events);
          return;
        }
        this.#messageOpcode = opcode;
        this.#gather(bytes, start, end);
        return;
      case OPCODE.continuation:
        this.#gather(bytes, start, end);
        if ((first & FIN) !== 0) this.#finish(events);
        return;
      case OPCODE.close:
        this.#close(bytes, start, end, events);
        return;
      case OPCODE.ping:
        events.ping(bytes, start, end);
        return;
      default: // A pong nobody asked for is answered with nothing (§5.5.3).
    }
  }

  #whole(opcode: number, bytes: Uint8Array, start: number, end: number, events: DecoderEvents): void {
    const isTextMessage = opcode === OPCODE.text;
    if (events.expects?.(bytes, start, end, isTextMessage) === true) return;
    if (isTextMessage && !isText(bytes, start, end)) this.#fail(FAULTS.notUtf8);
    else events.message(bytes, start, end, isTextMessage);
  }

  #gather(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#messageLength + end - start;
    let message = this.#message;
    if (message === undefined || message.length < length) {
      const larger = new Uint8Array(message === undefined ? length : Math.min(this.#bytesMax, 2 * length));
      if (message !== undefined) larger.set(message.subarray(0, this.#messageLength));
      message = larger;
      this.#message = message;
    }
    message.set(bytes.subarray(start, end), this.#messageLength);
    this.#messageLength = length;
  }

  #finish(events: DecoderEvents): void {
    const message = this.#message ?? new Uint8Array(0);
    const length = this.#messageLength;
    const opcode = this.#messageOpcode;
    this.#message = undefined;
    this.#messageLength = 0;
    this.#messageOpcode = 0;
    this.#whole(opcode, message, 0, length, events);
  }

  #close(bytes: Uint8Array, start: number, end: number, events: DecoderEvents): void {
    if (end - start === 1) {
      this.#fail(FAULTS.closeOfOneByte);
      return;
    }
    const code = end === start ? CLOSE.absent : ((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0);
    if (end > start && !isCloseCode(code)) {
      this.#fail(FAULTS.closeCode);
      return;
    }
    const reason = bytes.subarray(Math.min(end, start + 2), end);
    if (!isUtf8(reason)) {
      this.#fail(FAULTS.closeReason);
      return;
    }
    const text = Buffer.from(reason.buffer, reason.byteOffset, reason.byteLength).toString("utf8");
    this.stop();
    events.closeReceived(code, text);
  }

  #fail(fault: Fault): 0 {
    this.#fault = fault;
    this.stop();
    return 0;
  }
}
