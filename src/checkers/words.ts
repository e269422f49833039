import type { WitnessStep } from "../core/checker.ts";
import type { Marker } from "../core/marker.ts";
import { hash32 } from "../core/prng.ts";

/** Characters of a content that are kept whole; longer ones are kept as length and sum, so that a server that sends megabytes does not fill the harness. */
const CONTENT_CHARACTERS_MAX = 512;

/** A short text that is equal for equal contents, fit for keeping and for showing. */
export function digestOf(content: string): string {
  return content.length <= CONTENT_CHARACTERS_MAX ? content : `${content.length} characters, sum ${hash32(content).toString(16)}`;
}

/** Name of a marked write inside one run. */
export function keyOf(marker: Pick<Marker, "author" | "n">): string {
  return `a=${marker.author} n=${marker.n}`;
}

export function fromClient(atMs: number, client: number, label: string): WitnessStep {
  return { atMs, from: `client ${client}`, to: "server", label };
}

export function toClient(atMs: number, client: number, label: string): WitnessStep {
  return { atMs, from: "server", to: `client ${client}`, label };
}

/** The step that breaks the requirement. */
export function bad(step: WitnessStep): WitnessStep {
  return { ...step, isBad: true };
}
