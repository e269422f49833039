import type { FaultKind, FaultSeen, FaultSignal } from "../../core/fault.ts";
import type { Via } from "./surroundings.ts";

/** A fault, and whom it strikes: clients whose number modulo `laneCount` is one of the lanes, at one of the replicas. */
export interface ShardFault {
  readonly id: number;
  readonly kind: FaultKind;
  readonly lanes: readonly number[];
  readonly replicas: readonly number[];
}

/** What a shard knows of the faults of its run, before it begins. */
export interface ShardFaultPlan {
  readonly faults: readonly ShardFault[];
  readonly laneCount: number;
  /** Whether what was written outlives the server's process. */
  readonly isDurable: boolean;
  /** Where each of a proxy's lanes listens, by the index of the target's address; undefined without a proxy. */
  readonly proxy: { readonly host: string; readonly ports: readonly (readonly number[])[] } | undefined;
  /** Calls back for each signal, those before it was called included. */
  readonly listen: (listener: (signal: FaultSignal) => void) => void;
}

/** How a server that is stopped in order closes (RFC 6455 §7.4.1 and its registry). */
const CODE_GOING_AWAY = 1001;
const CODE_RESTART = 1012;

/** What a fault did is seen at once, but a busy machine tells of it later. */
const EXCUSED_MS = 5_000;

/** Faults that end connections late: by somebody's patience with a silence. */
const SILENT: ReadonlySet<FaultKind> = new Set(["half-open", "pause", "partition", "away", "squeeze"]);

/** Faults by which nobody loses a connection. */
const GENTLE: ReadonlySet<FaultKind> = new Set(["latency", "bandwidth", "slow-close"]);

interface Open extends ShardFault {
  readonly beginMs: number;
  endMs: number | undefined;
  detectMs: number | undefined;
  recoverMs: number | undefined;
  readonly noticed: Set<number>;
}

/** The faults of a run as one shard lives through them: what they excuse, who notices, and when all is well again. */
export class ShardFaults {
  readonly #plan: ShardFaultPlan;
  readonly #urlOf: (client: number) => number;
  readonly #onForgotten: () => void;
  readonly #open: Open[] = [];
  #healedMs: number | undefined;

  /** `urlOf`: the index of the target's address that a client uses; `onForgotten`: its server has begun anew, with nothing of before. */
  constructor(plan: ShardFaultPlan, urlOf: (client: number) => number, nowMs: () => number, onForgotten: () => void = () => {}) {
    this.#plan = plan;
    this.#urlOf = urlOf;
    this.#onForgotten = onForgotten;
    plan.listen((signal) => this.#tell(signal, nowMs()));
  }

  #tell(signal: FaultSignal, nowMs: number): void {
    if (signal.kind === "healed") this.#healedMs ??= nowMs;
    else if (signal.kind === "begin") {
      const fault = this.#plan.faults.find(({ id }) => id === signal.fault);
      if (fault === undefined) return;
      this.#open.push({ ...fault, beginMs: nowMs, endMs: undefined, detectMs: undefined, recoverMs: undefined, noticed: new Set() });
    } else {
      const open = this.#open.find(({ id }) => id === signal.fault);
      if (open === undefined) return;
      open.endMs = nowMs;
      if (!this.#plan.isDurable && (open.kind === "kill" || open.kind === "restart")) this.#onForgotten();
    }
  }

  get isHealed(): boolean {
    return this.#healedMs !== undefined;
  }

  /** Whether a server was ended and started again: rooms that it kept in memory are gone. */
  get hasRestarted(): boolean {
    return this.#open.some(({ kind, endMs }) => (kind === "kill" || kind === "restart") && endMs !== undefined);
  }

  /** Whether a client that is away, or hears nothing, owes that to a fault. */
  isUpset(nowMs: number): boolean {
    if (this.#open.length === 0) return false;
    if (this.#healedMs === undefined || nowMs - this.#healedMs < EXCUSED_MS) return true;
    return this.#open.some(({ kind }) => SILENT.has(kind));
  }

  /** Whether a connection that closes with this code owes its end to a fault. A server that is asked to end says so. */
  excuses(code: number, nowMs: number): boolean {
    if (!this.isUpset(nowMs)) return false;
    return code === CODE_GOING_AWAY || code === CODE_RESTART || this.#open.some(({ kind }) => kind !== "restart");
  }

  /** Where a client is to connect in place of its address; undefined: there. */
  viaOf(client: number): Via | undefined {
    const { proxy, laneCount } = this.#plan;
    const port = proxy?.ports[this.#urlOf(client)]?.[client % laneCount];
    return proxy === undefined || port === undefined ? undefined : { host: proxy.host, port };
  }

  /** A client has lost its connection, or finds the server silent: that is put down to the last fault that struck it. */
  noticed(client: number, nowMs: number): void {
    const struck = this.#open.filter(
      ({ kind, recoverMs, lanes, replicas }) =>
        recoverMs === undefined &&
        !GENTLE.has(kind) &&
        (kind === "away" || (lanes.includes(client % this.#plan.laneCount) && replicas.includes(this.#urlOf(client)))),
    );
    const last = struck.at(-1);
    if (last === undefined) return;
    last.detectMs ??= nowMs - last.beginMs;
    last.noticed.add(client);
  }

  /** Looks whether all is well again: everybody back, and what was written before the fault's end at everybody. */
  look(nowMs: number, isAllBack: () => boolean, isSettled: (beforeMs: number) => boolean): void {
    for (const open of this.#open) {
      const { endMs } = open;
      if (endMs === undefined || open.recoverMs !== undefined) continue;
      if (isAllBack() && isSettled(endMs)) open.recoverMs = nowMs - endMs;
    }
  }

  /** What there was to see; `originMs` is the start of the load. */
  seen(originMs: number, nowMs: number): readonly FaultSeen[] {
    return this.#open.map(({ id, beginMs, endMs, detectMs, recoverMs, noticed }) => ({
      fault: id,
      beginMs: beginMs - originMs,
      endMs: (endMs ?? nowMs) - originMs,
      noticedBy: noticed.size,
      ...(detectMs === undefined ? {} : { detectMs }),
      ...(recoverMs === undefined ? {} : { recoverMs }),
    }));
  }
}
