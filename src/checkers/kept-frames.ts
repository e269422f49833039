import type { Frame } from "../core/session.ts";

/** Frames of a few hundred bytes share memory: one of their own each would cost more than their bytes. */
const SLAB_BYTES = 16 * 1024;

/** A frame that is kept, and the memory that it lies in. */
export interface KeptFrame<F extends Frame> {
  readonly bytes: F;
  readonly view: DataView | undefined;
}

/** Keeps copies of frames, and tells whether bytes are those of a kept one. */
export class KeptFrames<F extends Frame> {
  #slab: Uint8Array = new Uint8Array(0);
  #slabView: DataView = new DataView(new ArrayBuffer(0));
  #free = 0;
  /** Of the bytes that came last: a transport reads into one buffer over and over. */
  #seen: Uint8Array | undefined;
  #seenView: DataView = this.#slabView;

  /** Bytes are the transport's again after the call; texts never change. */
  keep(frame: F): KeptFrame<F> {
    if (typeof frame === "string") return { bytes: frame, view: undefined };
    const { length } = frame;
    if (length > SLAB_BYTES) {
      const own = new Uint8Array(frame);
      return { bytes: own as F, view: new DataView(own.buffer) };
    }
    if (this.#free + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slabView = new DataView(this.#slab.buffer);
      this.#free = 0;
    }
    const bytes = this.#slab.subarray(this.#free, this.#free + length);
    bytes.set(frame);
    this.#free += length;
    return { bytes: bytes as F, view: this.#slabView };
  }

  /** Whether `bytes` from `start` on begin with those that are kept; for texts never: those are compared as a whole. */
  isSame(kept: F, view: DataView | undefined, bytes: F, start: number): boolean {
    if (view === undefined || typeof kept === "string" || typeof bytes === "string") return false;
    if (bytes !== this.#seen) {
      this.#seen = bytes;
      this.#seenView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const seen = this.#seenView;
    const from = kept.byteOffset - view.byteOffset;
    const { length } = kept;
    const words = length & ~3;
    // What tells two frames of a room apart stands in their ends.
    for (let index = length - 1; index >= words; index -= 1) if (kept[index] !== bytes[start + index]) return false;
    for (let index = words - 4; index >= 0; index -= 4) if (view.getInt32(from + index) !== seen.getInt32(start + index)) return false;
    return true;
  }
}
