/** Holes that one client may have before it counts as cut off: each costs a number, and a healthy client has none. */
const HOLES_MAX = 1024;
/**
 * Under authors' own order a member that has just come may hear a write after those that were passed on behind it: what it
 * has passed over, or what others have heard before it came, may still come, for so long and of so many.
 */
const PASSED_MS_MAX = 10_000;
export const PASSED_MAX = 256;

/** What lies behind the cursors of clients and has not come to them: places in the logs of their rooms, by slot. */
export class Gaps {
  readonly #holes: (number[] | undefined)[];
  readonly #passed: (number[] | undefined)[];
  readonly #keepsPassed: boolean;

  /** `keepsPassed`: what a member was not owed and has passed over may still come to it in good order. */
  constructor(slots: number, keepsPassed: boolean) {
    this.#holes = Array.from({ length: slots }, () => undefined);
    this.#passed = Array.from({ length: slots }, () => undefined);
    this.#keepsPassed = keepsPassed;
  }

  /** Places that the client must still receive, in order. */
  holes(client: number): readonly number[] {
    return this.#holes[client] ?? NONE;
  }

  /** Whether the place has not come to the client yet, owed or not. */
  has(client: number, index: number): boolean {
    return this.#holes[client]?.includes(index) === true || this.#passed[client]?.includes(index) === true;
  }

  /** False when the client has as many holes as it may have. */
  open(client: number, index: number): boolean {
    const holes = (this.#holes[client] ??= []);
    if (holes.length >= HOLES_MAX) return false;
    holes.push(index);
    return true;
  }

  passOver(client: number, index: number): void {
    if (!this.#keepsPassed) return;
    const passed = (this.#passed[client] ??= []);
    if (passed.length >= PASSED_MAX) passed.shift();
    passed.push(index);
  }

  /** The place has come; false when it was not open. */
  fill(client: number, index: number): boolean {
    const open = [this.#holes[client], this.#passed[client]].find((each) => each?.includes(index) === true);
    open?.splice(open.indexOf(index), 1);
    return open !== undefined;
  }

  /** The log has another order from `from` to `to`: these are the holes there now. */
  replace(client: number, from: number, to: number, holes: readonly number[]): void {
    const others = this.holes(client).filter((index) => index < from || index >= to);
    const all = [...others, ...holes].sort((one, other) => one - other);
    this.#holes[client] = all.length === 0 ? undefined : all;
  }

  /** Closes all of a client and gives what it must have received. */
  close(client: number): readonly number[] {
    const holes = this.holes(client);
    this.#holes[client] = undefined;
    this.#passed[client] = undefined;
    return holes;
  }

  /** The first place that the client may still need. */
  floor(client: number, log: { at(index: number): { readonly firstMs: number } | undefined }, nowMs: number): number {
    const passed = this.#passed[client];
    while (passed?.[0] !== undefined && !isRecent(log.at(passed[0])?.firstMs, nowMs)) passed.shift();
    return Math.min(this.#holes[client]?.[0] ?? Infinity, passed?.[0] ?? Infinity);
  }
}

const NONE: readonly number[] = [];

/** Whether a write that was first received at `firstMs` may still be under way to a member that has just come. */
export function isRecent(firstMs: number | undefined, nowMs: number): boolean {
  return (firstMs ?? -Infinity) >= nowMs - PASSED_MS_MAX;
}
