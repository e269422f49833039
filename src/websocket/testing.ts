import type { DecoderEvents } from "./decoder.ts";
import type { Fault } from "./protocol.ts";

/** How a frame of a test differs from the usual: final, no reserved bits, shortest length, not masked. */
export interface FrameForm {
  readonly fin?: boolean;
  /** 0x40, 0x20, 0x10. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** Bytes of the length field behind the second byte: 0, 2 or 8. */
  readonly lengthBytes?: 0 | 2 | 8;
}

/** A frame as a server writes it, by another hand than the codec's. */
export function serverFrame(opcode: number, payload: Uint8Array | string, form: FrameForm = {}): Buffer {
  const body = Buffer.from(payload as string);
  const lengthBytes = form.lengthBytes ?? (body.length < 126 ? 0 : body.length < 65_536 ? 2 : 8);
  const header = Buffer.alloc(2 + lengthBytes);
  header[0] = ((form.fin ?? true) ? 0x80 : 0) | (form.reserved ?? 0) | opcode;
  header[1] = (form.masked === true ? 0x80 : 0) | (lengthBytes === 0 ? body.length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) header.writeUInt16BE(body.length, 2);
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(body.length), 2);
  return Buffer.concat([header, form.masked === true ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

/** What a decoder told, bytes as text in hex. */
export type Told =
  | { readonly kind: "text" | "binary" | "ping"; readonly bytes: string }
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  | { readonly kind: "fault"; readonly closeCode: number; readonly text: string };

/** Writes down what a decoder tells. */
export class Recorder implements DecoderEvents {
  readonly told: Told[] = [];

  message(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    this.told.push({ kind: isText ? "text" : "binary", bytes: hex(bytes, start, end) });
  }

  ping(bytes: Uint8Array, start: number, end: number): void {
    this.told.push({ kind: "ping", bytes: hex(bytes, start, end) });
  }

  closeReceived(code: number, reason: string): void {
    this.told.push({ kind: "close", code, reason });
  }

  fault(fault: Fault | undefined): void {
    if (fault !== undefined && this.told.at(-1)?.kind !== "fault") this.told.push({ kind: "fault", ...fault });
  }
}

function hex(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString("hex");
}
