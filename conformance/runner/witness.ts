import type { RecordedFrame } from "../../src/core/case.ts";
import type { WitnessStep } from "../../src/core/checker.ts";

const LABEL_MAX = 80;
const FRAME_MAX = 2_000;

/** The steps of a client's last frames; binary as hexadecimal. */
export function witnessOf(number: number, frames: readonly RecordedFrame[], last: number): readonly WitnessStep[] {
  const name = `client ${number}`;
  return frames.slice(Math.max(0, frames.length - last)).map(({ atMs, from, frame }) => {
    const text = typeof frame === "string" ? frame.slice(0, FRAME_MAX) : hexOf(frame.subarray(0, FRAME_MAX / 2));
    const label = typeof frame === "string" ? frame.slice(0, LABEL_MAX) : `${frame.length} bytes`;
    return { atMs, from: from === "client" ? name : "server", to: from === "client" ? "server" : name, label, frame: text };
  });
}

function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
