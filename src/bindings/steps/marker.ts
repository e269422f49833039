import { type Marker, markerSum } from "../../core/marker.ts";
import type { Json } from "../../core/op.ts";
import { type Fields, isFields, own, shownText } from "./json.ts";
import { isList, type StepJson } from "./messages.ts";

/** A marker inside of typed text: `word⟦run.a3.17.5d41402a⟧`. The sum covers the text before it in its own text node. */
const MARKER = /⟦([^.⟦⟧]{0,64})\.a([0-9]{1,9})\.([0-9]{1,9})\.([0-9a-f]{8})⟧/;

/** Node levels of a slice that are searched: our own markers lie in the first three. */
const LEVELS_MAX = 16;

/** Text with its marker behind it. */
export function markText(text: string, marker: Marker): string {
  const sum = markerSum(marker.run, marker.author, marker.n, text);
  return `${text}⟦${marker.run}.a${marker.author}.${marker.n}.${sum}⟧`;
}

/** The marker of a text; undefined when it holds none. */
export function readMarker(text: string): Marker | undefined {
  const found = MARKER.exec(text);
  if (found === null) return undefined;
  const [whole, run = "", author = "", n = "", sum] = found;
  const before = text.slice(0, text.indexOf(whole));
  const marker = { run, author: Number(author), n: Number(n) };
  return { ...marker, intact: markerSum(marker.run, marker.author, marker.n, before) === sum };
}

/** The marker in the text that a step inserts; undefined when it inserts none. */
export function markerOfStep(step: StepJson): Marker | undefined {
  const slice = isFields(step) ? own(step, "slice") : undefined;
  return isFields(slice) ? search(own(slice, "content"), LEVELS_MAX) : undefined;
}

function search(content: Json | undefined, levels: number): Marker | undefined {
  if (!isList(content) || levels === 0) return undefined;
  for (const node of content) {
    if (!isFields(node)) continue;
    const text = own(node, "text");
    const found = typeof text === "string" ? readMarker(text) : search(own(node, "content"), levels - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The last marked write among steps. */
export function lastMarkerOf(steps: readonly StepJson[]): Marker | undefined {
  for (let index = steps.length - 1; index >= 0; index -= 1) {
    const marker = markerOfStep(steps[index] ?? null);
    if (marker !== undefined) return marker;
  }
  return undefined;
}

/** Every marker in a document's text, in order; each as `run/author/n`. */
export function markersIn(doc: Json): readonly string[] {
  const all: string[] = [];
  const pattern = new RegExp(MARKER, "g");
  const walk = (node: Json, levels: number): void => {
    if (!isFields(node) || levels === 0) return;
    const text = own(node, "text");
    if (typeof text === "string") for (const [, run, author, n] of text.matchAll(pattern)) all.push(`${run}/${author}/${n}`);
    const content = own(node, "content");
    if (isList(content)) for (const each of content) walk(each, levels - 1);
  };
  walk(doc, 256);
  return all;
}

/** Where presence carries its marker: a text in the metadata. */
const PRESENCE_FIELD = "mark";

/** Presence with a marker in its metadata; the sum covers cursor and selection. */
export function markPresence(presence: Fields, marker: Marker): Fields {
  const metadata = own(presence, "metadata");
  return { ...presence, metadata: { ...(isFields(metadata) ? metadata : {}), [PRESENCE_FIELD]: markText(placeOf(presence), marker) } };
}

/** The marker of a presence; undefined when it has none. */
export function markerOfPresence(presence: Fields): Marker | undefined {
  const metadata = own(presence, "metadata");
  const text = isFields(metadata) ? own(metadata, PRESENCE_FIELD) : undefined;
  const marker = typeof text === "string" ? readMarker(text) : undefined;
  return marker === undefined ? undefined : { ...marker, intact: marker.intact && shownText(text).startsWith(`${placeOf(presence)}⟦`) };
}

function placeOf(presence: Fields): string {
  const selection = own(presence, "selection");
  const cursor = own(presence, "cursor");
  const pos = isFields(cursor) ? own(cursor, "pos") : "";
  return isFields(selection) ? `${shownText(own(selection, "from"))}-${shownText(own(selection, "to"))}` : shownText(pos);
}
