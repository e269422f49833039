import type { WitnessStep } from "../core/checker.ts";
import type { Marker } from "../core/marker.ts";
import type { LogEntry, PendingWrite } from "./room-log.ts";

/** Characters of a frame that a witness keeps. */
const FRAME_MAX = 2000;

/** The one frame that broke a property, as the client numbered `client` received it. */
export function frameStep(client: number, atMs: number, text: string | undefined, marker: Marker | undefined): readonly WitnessStep[] {
  const label = marker === undefined ? "this frame" : `a=${marker.author} n=${marker.n}`;
  const frame = text === undefined ? {} : { frame: text.slice(0, FRAME_MAX) };
  return [{ atMs, from: "server", to: `client ${client}`, label, isBad: true, ...frame }];
}

/** A write, its delivery to the others, what became of it at `client`, and what the others received next. */
export function entrySteps(
  client: number,
  entry: LogEntry,
  next: LogEntry | undefined,
  text: string | undefined,
  atMs: number,
  what: string,
): readonly WitnessStep[] {
  const name = `a=${entry.author} n=${entry.n}`;
  const frame = text === undefined ? {} : { frame: text.slice(0, FRAME_MAX) };
  return [
    { atMs: entry.invokedMs, from: `client ${entry.author}`, to: "server", label: `write ${name}` },
    { atMs: entry.firstMs, from: "server", to: "other members", label: name, ...frame },
    { atMs: Math.max(atMs, entry.firstMs), from: "server", to: `client ${client}`, label: `${what}: ${name}`, isBad: true },
    ...(next === undefined ? [] : [{ atMs: next.firstMs, from: "server", to: "other members", label: `a=${next.author} n=${next.n}` }]),
  ];
}

/** A write that nobody ever received. */
export function lostSteps(client: number, pending: PendingWrite, nowMs: number): readonly WitnessStep[] {
  const name = `a=${pending.author} n=${pending.n}`;
  return [
    { atMs: pending.invokedMs, from: `client ${pending.author}`, to: "server", label: `write ${name}` },
    { atMs: nowMs, from: "server", to: `client ${client}`, label: `never received by anybody: ${name}`, isBad: true },
  ];
}
