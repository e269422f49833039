import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What one of our commands has tried; `isOver` false while it is at it, or when it was ended in its middle. */
export interface Counts {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly isOver: boolean;
}

const folder = join(import.meta.dirname, "..", "rollcall-report", "counts");

/** Notes how far a command is, for whoever sums up several (`ROLLCALL_ALSO` of `npm test`). */
export function noteCounts(counts: Counts): void {
  const path = join(folder, `${counts.name}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(counts)}\n`);
}

/** What a command of that name has noted; one that did not come to its end counts as one failure more. */
export function readCounts(name: string): Counts {
  try {
    const counts = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Counts;
    return counts.isOver ? counts : { ...counts, failed: counts.failed + 1 };
  } catch {
    return { name, passed: 0, failed: 1, isOver: false };
  }
}
