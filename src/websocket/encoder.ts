import { randomFillSync } from "node:crypto";
import { HarnessError } from "../core/errors.ts";
import { CLOSE, CONTROL_BYTES_MAX, isCloseCode, OPCODE } from "./protocol.ts";

/** Gives the next masking key: 32 bits nobody can foresee (RFC 6455 §5.3). */
export type MaskKeys = () => number;

/** Keys fetched from the system's generator at a time: one call a key would cost more than the masking. */
const KEYS_AT_ONCE = 1024;

/** Real random keys, none of them used twice. */
export function randomMaskKeys(): MaskKeys {
  const pool = new Int32Array(KEYS_AT_ONCE);
  let next = KEYS_AT_ONCE;
  return () => {
    if (next === KEYS_AT_ONCE) {
      randomFillSync(pool);
      next = 0;
    }
    const key = pool[next] ?? 0;
    next += 1;
    return key;
  };
}

/** Room before a payload: the longest header with its mask is 14 bytes, and masking by words wants multiples of 4. */
const HEADER_ROOM = 16;

/** Frames of a few hundred bytes are the rule; larger ones than this get memory of their own. */
const SCRATCH_BYTES = 64 * 1024;

/** UTF-8 bytes of one UTF-16 unit at most. */
const BYTES_PER_UNIT_MAX = 3;

/** Memory that is read by bytes and by words. */
interface Room {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
}

function createRoom(length: number): Room {
  const buffer = new ArrayBuffer(Math.ceil(length / 4) * 4);
  return { bytes: Buffer.from(buffer), words: new Int32Array(buffer) };
}

/**
 * A client's frames (RFC 6455 §5): masked, unfragmented, in as few header bytes as can be. One for a whole process:
 * a small frame lies in a scratch region and is valid until the next one is encoded; whoever still needs it then says
 * so by `hold`.
 */
export class Encoder {
  readonly #nextKey: MaskKeys;
  #scratch: Room = createRoom(SCRATCH_BYTES);
  /** Multiple of 4: what lies before it is held. */
  #free = 0;
  #lastEnd = 0;

  constructor(nextKey: MaskKeys) {
    this.#nextKey = nextKey;
  }

  /** A text message for a string, a binary one for bytes. */
  message(frame: string | Uint8Array): Buffer {
    if (typeof frame !== "string") return this.#encode(OPCODE.binary, frame, 0, frame.length);
    const room = this.#roomFor(frame.length * BYTES_PER_UNIT_MAX, () => Buffer.byteLength(frame, "utf8"));
    const start = (room === this.#scratch ? this.#free : 0) + HEADER_ROOM;
    return this.#seal(room, OPCODE.text, start, room.bytes.write(frame, start, "utf8"));
  }

  pong(bytes: Uint8Array, start: number, end: number): Buffer {
    return this.#encode(OPCODE.pong, bytes, start, end);
  }

  /**
   * A close frame; 1005 stands for one without a code.
   * @throws HarnessError for a code that may not be sent, or a reason of more than 123 bytes: our mistake, not the peer's.
   */
  close(code: number, reason: string): Buffer {
    if (code === CLOSE.absent) return this.#encode(OPCODE.close, Buffer.alloc(0), 0, 0);
    const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason, "utf8")]);
    if (!isCloseCode(code)) throw new HarnessError("internal", `${code} is no close code that may be sent`);
    if (payload.length > CONTROL_BYTES_MAX) throw new HarnessError("internal", `a close reason of ${payload.length - 2} bytes; 123 fit`);
    return this.#encode(OPCODE.close, payload, 0, payload.length);
  }

  /** The frame encoded last is not yet written: its bytes are left alone from here on. */
  hold(): void {
    this.#free = Math.ceil(this.#lastEnd / 4) * 4;
  }

  #encode(opcode: number, bytes: Uint8Array, start: number, end: number): Buffer {
    const length = end - start;
    const room = this.#roomFor(length, () => length);
    const at = (room === this.#scratch ? this.#free : 0) + HEADER_ROOM;
    room.bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    return this.#seal(room, opcode, at, length);
  }

  /** Memory for a payload of at most `lengthMax` bytes; `exact` is asked when that is more than the scratch holds. */
  #roomFor(lengthMax: number, exact: () => number): Room {
    if (HEADER_ROOM + lengthMax > SCRATCH_BYTES) return createRoom(HEADER_ROOM + exact());
    if (this.#free + HEADER_ROOM + lengthMax > SCRATCH_BYTES) {
      this.#scratch = createRoom(SCRATCH_BYTES);
      this.#free = 0;
    }
    return this.#scratch;
  }

  /** Masks the payload at `start` and puts the header before it. */
  #seal(room: Room, opcode: number, start: number, length: number): Buffer {
    const { bytes, words } = room;
    const key = this.#nextKey();
    const first = start / 4;
    const last = (start + length + 3) >> 2;
    // The key lies right before the payload, a word as well; what is masked behind the payload's end is nobody's.
    words[first - 1] = key;
    for (let index = first; index < last; index += 1) words[index] = (words[index] ?? 0) ^ key;
    let at = start - 6;
    if (length < 126) bytes[at + 1] = 0x80 | length;
    else if (length < 0x1_0000) {
      at = start - 8;
      bytes[at + 1] = 0x80 | 126;
      bytes.writeUInt16BE(length, at + 2);
    } else {
      at = start - 14;
      bytes[at + 1] = 0x80 | 127;
      bytes.writeUInt32BE(0, at + 2);
      bytes.writeUInt32BE(length, at + 6);
    }
    bytes[at] = 0x80 | opcode;
    if (room === this.#scratch) this.#lastEnd = start + length;
    else this.#lastEnd = this.#free;
    return bytes.subarray(at, start + length);
  }
}
