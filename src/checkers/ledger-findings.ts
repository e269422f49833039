import type { CheckerOutcome, Property, WitnessStep } from "../core/checker.ts";
import type { Delivered } from "../core/observation.ts";
import type { Reason } from "../core/reason.ts";
import type { Frame } from "../core/session.ts";
import { Breaches } from "./breaches.ts";
import type { LedgerOptions } from "./ledger-types.ts";
import { disorderSteps, entrySteps, frameStep, lostSteps, stateStep } from "./ledger-witness.ts";
import type { LogEntry, PendingWrite, RoomLog } from "./room-log.ts";

/** What a ledger has found, in words, each with a witness that is made only when it is kept. */
export class LedgerFindings<F extends Frame> {
  readonly #options: LedgerOptions<F>;
  readonly #number: Int32Array;
  readonly #breaches = new Breaches();

  /** `numbers`: of each slot the number of the client that holds it. */
  constructor(options: LedgerOptions<F>, numbers: Int32Array) {
    this.#options = options;
    this.#number = numbers;
  }

  /** A delivery whose payload is not what its marker says, or not what others received. */
  damaged(client: number, log: RoomLog<F>, expected: string, seen: string, delivery: Delivered, bytes: F | undefined, nowMs: number): void {
    this.#add("delivery", "damaged", client, log, expected, seen, () => this.#frameStep(client, nowMs, bytes, delivery));
  }

  /** A state that is older than what the client has received: `has` is the last write in it. */
  stale(client: number, log: RoomLog<F>, last: LogEntry<F>, has: LogEntry<F>, nowMs: number): void {
    this.#add(
      "guarantees",
      "stale",
      client,
      log,
      `a state with a=${last.author} n=${last.n}, which this client has received`,
      `the state as of a=${has.author} n=${has.n}`,
      () => [...this.#entrySteps(client, log, last, last.firstMs, "received"), stateStep(this.#number[client] ?? 0, nowMs, has)],
    );
  }

  doubled(client: number, log: RoomLog<F>, entry: LogEntry<F>, nowMs: number): void {
    this.#add("delivery", "doubled", client, log, `a=${entry.author} n=${entry.n} once`, "received again", () =>
      this.#entrySteps(client, log, entry, nowMs, "received again"),
    );
  }

  /** `entry` came after `after`, which it has to come before. */
  disordered(client: number, log: RoomLog<F>, entry: LogEntry<F>, after: LogEntry<F>, bytes: F | undefined, nowMs: number): void {
    const kept = bytes ?? entry.bytes;
    const whose = this.#options.orderModel === "perAuthor" ? "as they were written" : "as other members received them";
    this.#add(
      "order",
      "disordered",
      client,
      log,
      `a=${entry.author} n=${entry.n} before a=${after.author} n=${after.n}, ${whose}`,
      `a=${after.author} n=${after.n} before a=${entry.author} n=${entry.n}`,
      () => {
        const text = kept === undefined ? undefined : this.#options.textOf(kept);
        return disorderSteps(this.#number[client] ?? 0, entry, after, text, nowMs);
      },
    );
  }

  lost(client: number, log: RoomLog<F>, entry: LogEntry<F>): void {
    this.#add("delivery", "lost", client, log, `a=${entry.author} n=${entry.n} at every member`, "never received here", () =>
      this.#entrySteps(client, log, entry, entry.firstMs, "never received"),
    );
  }

  /** A write that nobody received, at one of those who must have. */
  lostByAll(client: number, log: RoomLog<F>, pending: PendingWrite, nowMs: number): void {
    this.#add("delivery", "lost", client, log, `a=${pending.author} n=${pending.n} at every member`, "received by nobody", () =>
      lostSteps(this.#number[client] ?? 0, pending, nowMs),
    );
  }

  /**
   * A marked broadcast that fits no write of this room: of a refused write, of one that all had long before, or of another
   * room. `home`: the room that its author writes in.
   */
  unexpected(
    kind: "refused" | "again" | "foreign",
    client: number,
    log: RoomLog<F>,
    delivery: Delivered,
    bytes: F | undefined,
    nowMs: number,
    home?: string,
  ): void {
    const marker = delivery.marker;
    const what = `a=${marker?.author} n=${marker?.n} of run ${marker?.run}`;
    const steps = (): readonly WitnessStep[] => this.#frameStep(client, nowMs, bytes, delivery);
    if (kind === "refused") this.#add("refusals", "not-refused", client, log, "nothing of a refused write", what, steps);
    else if (kind === "again")
      this.#add("delivery", "doubled", client, log, `${what} once`, "received again, long after every member had it", steps);
    else {
      const seen = home === undefined || home === log.room ? `${what}, which nobody wrote` : `${what}, written in room ${home}`;
      this.#add("isolation", "foreign", client, log, `only writes of room ${log.room}`, seen, steps);
    }
  }

  /** What was found of a property, so far. */
  of(property: Property): Pick<CheckerOutcome, "broken" | "findings"> {
    return this.#breaches.of(property);
  }

  #frameStep(client: number, nowMs: number, bytes: F | undefined, delivery: Delivered | undefined): readonly WitnessStep[] {
    return frameStep(this.#number[client] ?? 0, nowMs, bytes === undefined ? undefined : this.#options.textOf(bytes), delivery?.marker);
  }

  #entrySteps(client: number, log: RoomLog<F>, entry: LogEntry<F>, atMs: number, what: string): readonly WitnessStep[] {
    const text = entry.bytes === undefined ? undefined : this.#options.textOf(entry.bytes);
    return entrySteps(this.#number[client] ?? 0, entry, log.at(entry.index + 1), text, atMs, what);
  }

  #add(
    property: Property,
    reason: Reason,
    client: number,
    log: RoomLog<F>,
    expected: string,
    seen: string,
    witness: () => readonly WitnessStep[],
  ): void {
    this.#breaches.add({ property, reason, room: log.room, client: this.#number[client] ?? 0, expected, seen }, witness);
  }
}
