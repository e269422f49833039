import type { WitnessStep } from "../core/checker.ts";
import type { Marker } from "../core/marker.ts";
import type { Frame } from "../core/session.ts";
import type { LogEntry, PendingWrite } from "./room-log.ts";

/** Characters of a frame that a witness keeps. */
const FRAME_MAX = 2000;

/** The one frame that broke a property, as the client numbered `client` received it. */
export function frameStep(client: number, atMs: number, text: string | undefined, marker: Marker | undefined): readonly WitnessStep[] {
  const label = marker === undefined ? "this frame" : `a=${marker.author} n=${marker.n}`;
  const frame = text === undefined ? {} : { frame: text.slice(0, FRAME_MAX) };
  return [{ atMs, from: "server", to: `client ${client}`, label, isBad: true, ...frame }];
}

/** The state as of a write that a client was given and that is older than what it has. */
export function stateStep(client: number, atMs: number, { author, n }: LogEntry<Frame>): WitnessStep {
  return { atMs, from: "server", to: `client ${client}`, label: `state as of a=${author} n=${n}`, isBad: true };
}

/** A write, its delivery to the others, what became of it at `client`, and what the others received next. */
export function entrySteps(
  client: number,
  entry: LogEntry<Frame>,
  next: LogEntry<Frame> | undefined,
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

/** Two writes that `client` received the other way round than the rest: `first` came to it after `second`, at `atMs`. */
export function disorderSteps(
  client: number,
  first: LogEntry<Frame>,
  second: LogEntry<Frame>,
  text: string | undefined,
  atMs: number,
): readonly WitnessStep[] {
  const named = (entry: LogEntry<Frame>): { entry: LogEntry<Frame>; name: string } => ({ entry, name: `a=${entry.author} n=${entry.n}` });
  const [one, two] = [named(first), named(second)];
  const frame = text === undefined ? {} : { frame: text.slice(0, FRAME_MAX) };
  const writes = one.entry.invokedMs <= two.entry.invokedMs ? [one, two] : [two, one];
  return [
    ...writes.map(({ entry, name }) => ({ atMs: entry.invokedMs, from: `client ${entry.author}`, to: "server", label: `write ${name}` })),
    ...[one, two].map(({ entry, name }) => ({ atMs: entry.firstMs, from: "server", to: "other members", label: name })),
    { atMs: Math.min(atMs, second.firstMs), from: "server", to: `client ${client}`, label: `first ${two.name}`, isBad: true },
    { atMs, from: "server", to: `client ${client}`, label: `then ${one.name}`, isBad: true, ...frame },
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
