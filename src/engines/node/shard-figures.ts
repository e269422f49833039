import { monitorEventLoopDelay } from "node:perf_hooks";
import { HARNESS_BOUNDS } from "../../core/harness-bounds.ts";
import { Answers } from "./answers.ts";
import { watchGc } from "./gc.ts";
import { createHdr } from "./hdr.ts";
import type { ShardPace, ShardResult, ShardSecond } from "./shard-types.ts";

const LAG_RESOLUTION_MS = 10;

/** What a shard counts and times while it plays: its own part in the run, second by second and in all. */
export class ShardFigures {
  readonly #second = createHdr();
  readonly #joinMs = createHdr();
  readonly #sendLagMs = createHdr();
  readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #secondLag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #gc = watchGc();
  readonly confirmations: Answers = new Answers();
  readonly answers: Answers = new Answers();
  #sent = 0;
  #sentInSecond = 0;
  #delivered = 0;
  #deliveredInSecond = 0;
  #planned = 0;
  #late = 0;
  #dropped = 0;
  #refusedJoins = 0;
  #firstFailure: string | undefined;

  start(): void {
    this.#lag.enable();
    this.#secondLag.enable();
  }

  stop(): void {
    this.#lag.disable();
    this.#secondLag.disable();
    this.#gc.stop();
  }

  /** All have arrived: from here on the harness is judged. */
  resetPace(): void {
    this.#lag.reset();
    this.#gc.reset();
  }

  get delivered(): number {
    return this.#delivered + this.#deliveredInSecond;
  }

  deliveredAfter(latencyMs: number): void {
    this.#deliveredInSecond += 1;
    this.#second.record(latencyMs);
  }

  joinedAfter(ms: number): void {
    this.#joinMs.record(ms);
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

  joinFailed(text: string): void {
    this.#refusedJoins += 1;
    this.#firstFailure ??= text;
  }

  loopLagMsP99(): number {
    return Math.max(0, this.#lag.percentile(99) / 1e6 - LAG_RESOLUTION_MS);
  }

  /** How well the plan was kept; `unsent` acts, whose turn did not come in time, count as planned, too. */
  pace(unsent: number): ShardPace {
    this.#planned += unsent;
    const loopLagMsMax = Math.max(0, this.#lag.max / 1e6 - LAG_RESOLUTION_MS);
    return { unsent, sendLagMs: this.#sendLagMs.encode(), loopLagMsMax, gc: this.#gc.pauses };
  }

  /** What came since the second before. */
  takeSecond(t: number, clients: number): ShardSecond {
    const lag = Math.max(0, this.#secondLag.max / 1e6 - LAG_RESOLUTION_MS);
    const second: ShardSecond = {
      t,
      clients,
      sent: this.#sentInSecond,
      delivered: this.#deliveredInSecond,
      deliveryMs: this.#second.encode(),
      loopLagMs: Math.round(lag * 10) / 10,
    };
    this.#delivered += this.#deliveredInSecond;
    this.#sentInSecond = 0;
    this.#deliveredInSecond = 0;
    this.#second.reset();
    this.#secondLag.reset();
    return second;
  }

  totals(): Pick<
    ShardResult,
    "sent" | "planned" | "late" | "dropped" | "refusedJoins" | "firstFailure" | "joinMs" | "confirmMs" | "readMs"
  > {
    return {
      sent: this.#sent,
      planned: this.#planned,
      late: this.#late,
      dropped: this.#dropped,
      refusedJoins: this.#refusedJoins,
      firstFailure: this.#firstFailure,
      joinMs: this.#joinMs.encode(),
      confirmMs: this.confirmations.encode(),
      readMs: this.answers.encode(),
    };
  }
}
