import { HARNESS_BOUNDS } from "../../core/harness-bounds.ts";
import { Answers } from "./answers.ts";
import type { Histogram } from "../../core/histogram.ts";
import type { MeasuredSecond, Pace } from "../../core/measured.ts";
import type { OwnPart, PaceMeter, ResettableHistogram, Surroundings } from "./surroundings.ts";
import type { ShardResult } from "./shard-types.ts";

/** What a shard counts and times while it plays: its own part in the run, second by second and in all. */
export class ShardFigures {
  readonly #second: ResettableHistogram;
  readonly #joinMs: Histogram;
  readonly #sendLagMs: Histogram;
  readonly #meter: PaceMeter;
  readonly confirmations: Answers;
  readonly answers: Answers;
  #sent = 0;
  #sentInSecond = 0;
  #delivered = 0;
  #deliveredInSecond = 0;
  #planned = 0;
  #late = 0;
  #dropped = 0;
  #upset = 0;
  #refusedJoins = 0;
  #past = 0;
  #firstFailure: string | undefined;
  readonly #came = new Set<number>();
  readonly #cameBy: number[] = [];

  constructor({ histogram, meter }: Pick<Surroundings, "histogram" | "meter">) {
    this.#second = histogram();
    this.#joinMs = histogram();
    this.#sendLagMs = histogram();
    this.#meter = meter();
    this.confirmations = new Answers(histogram);
    this.answers = new Answers(histogram);
  }

  stop(): void {
    this.#meter.stop();
  }

  /** All have arrived: from here on the harness is judged. */
  resetPace(): void {
    this.#meter.reset();
  }

  get delivered(): number {
    return this.#delivered + this.#deliveredInSecond;
  }

  deliveredAfter(latencyMs: number | undefined): void {
    this.#deliveredInSecond += 1;
    if (latencyMs !== undefined) this.#second.record(latencyMs);
  }

  /** A client is in, after it was shown so many writes of the past. */
  joinedAfter(ms: number, past: number): void {
    this.#joinMs.record(ms);
    this.#past += past;
  }

  /** A client was let into its room at the URL of this index. */
  cameBy(client: number, url: number): void {
    if (this.#came.has(client)) return;
    this.#came.add(client);
    this.#cameBy[url] = (this.#cameBy[url] ?? 0) + 1;
  }

  /** An act's turn has come, this much later than planned. */
  begun(lagMs: number): void {
    this.#planned += 1;
    this.#sendLagMs.record(lagMs);
    if (lagMs > HARNESS_BOUNDS.sendLagMs) this.#late += 1;
  }

  sent(): void {
    this.#sent += 1;
    this.#sentInSecond += 1;
  }

  /** An act whose client was not in its room. */
  dropped(): void {
    this.#dropped += 1;
  }

  /** An act whose client was away because of a fault. */
  upset(): void {
    this.#upset += 1;
  }

  get upsetActs(): number {
    return this.#upset;
  }

  joinFailed(text: string): void {
    this.#refusedJoins += 1;
    this.#firstFailure ??= text;
  }

  /** The harness's own part since `resetPace`. */
  own(): OwnPart {
    return this.#meter.own();
  }

  /** How well the plan was kept; `unsent` acts, whose turn did not come in time, count as planned, too. */
  pace(unsent: number): Pace {
    this.#planned += unsent;
    const { loopLagMsMax, gc } = this.#meter.own();
    return { unsent, sendLagMs: this.#sendLagMs.encode(), loopLagMsMax, gc };
  }

  /** What came since the second before. */
  takeSecond(t: number, clients: number): MeasuredSecond {
    const second: MeasuredSecond = {
      t,
      clients,
      sent: this.#sentInSecond,
      delivered: this.#deliveredInSecond,
      deliveryMs: this.#second.encode(),
      loopLagMs: Math.round(this.#meter.takeLagMsMax() * 10) / 10,
    };
    this.#delivered += this.#deliveredInSecond;
    this.#sentInSecond = 0;
    this.#deliveredInSecond = 0;
    this.#second.reset();
    return second;
  }

  totals(): Pick<
    ShardResult,
    "sent" | "planned" | "late" | "dropped" | "refusedJoins" | "past" | "firstFailure" | "clientsByUrl" | "joinMs" | "confirmMs" | "readMs"
  > {
    return {
      sent: this.#sent,
      planned: this.#planned,
      late: this.#late,
      dropped: this.#dropped,
      refusedJoins: this.#refusedJoins,
      past: this.#past,
      firstFailure: this.#firstFailure,
      clientsByUrl: Array.from(this.#cameBy, (count) => count ?? 0),
      joinMs: this.#joinMs.encode(),
      confirmMs: this.confirmations.encode(),
      readMs: this.answers.encode(),
    };
  }
}
