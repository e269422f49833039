import { type Marker, markerSum } from "../../core/marker.ts";

const MARK = /^@([^/\s]{1,80})\/(\d{1,10})\/(\d{1,10})\/([0-9a-f]{8})(?: |$)/;

/** The mark of a write, put before its payload in a field that users fill. */
export function markOf(marker: Pick<Marker, "run" | "author" | "n">, payload: string): string {
  return `@${marker.run}/${marker.author}/${marker.n}/${markerSum(marker.run, marker.author, marker.n, payload)}`;
}

/** A marked content. */
export function marked(marker: Pick<Marker, "run" | "author" | "n"> | undefined, payload: string): string {
  return marker === undefined ? payload : `${markOf(marker, payload)} ${payload}`;
}

/** The marker of a content, or of a mark and the payload it stands beside; undefined when there is none. */
export function markerOf(text: string, beside?: string): Marker | undefined {
  const found = MARK.exec(text);
  const [whole, run, author, n, sum] = found ?? [];
  if (whole === undefined || run === undefined || sum === undefined) return undefined;
  const payload = beside ?? text.slice(whole.length);
  const numbers = { run, author: Number(author), n: Number(n) };
  return { ...numbers, intact: markerSum(run, numbers.author, numbers.n, payload) === sum };
}
