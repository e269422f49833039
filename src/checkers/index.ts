import type { OrderModel } from "../core/binding.ts";
import { PROPERTIES, type Checker, type Property } from "../core/checker.ts";
import type { HistogramMaker } from "../core/histogram.ts";
import { createConvergence } from "./convergence.ts";
import { createDelivery } from "./delivery.ts";
import { createEndings, type EndingsOptions } from "./endings.ts";
import { createGuarantees } from "./guarantees.ts";
import { createIsolation } from "./isolation.ts";
import { createLatency, type Budgets } from "./latency.ts";
import { createLifecycle, type LifecycleOptions } from "./lifecycle.ts";
import { createOrder } from "./order.ts";
import { createPresence, type PresenceOptions } from "./presence.ts";
import { createRefusals, type RefusalsOptions } from "./refusals.ts";
import { createSignals, type SignalsOptions } from "./signals.ts";
import { createSnapshot } from "./snapshot.ts";
import { createStatuses, type StatusesOptions } from "./statuses.ts";

export { createAgreement } from "./agreement.ts";
export { createConnections } from "./connections.ts";
export { createKept } from "./kept.ts";
export { createPanel } from "./panel.ts";
export type { ConvergenceChecker } from "./convergence.ts";
export type { Budgets, LatencyChecker, LatencyParts } from "./latency.ts";
export type { LifecycleOptions } from "./lifecycle.ts";

export interface CheckerOptions {
  readonly orderModel: OrderModel;
  /** Whether authors get their own writes back. */
  readonly echo: boolean;
  /** Name of the run; markers of another are foreign. */
  readonly run: string;
  readonly histogram: HistogramMaker;
  readonly budgets?: Budgets;
  /** Default: all properties. */
  readonly only?: readonly Property[];
  /** Whether `content` of a delivery is the whole state, in the same form as a snapshot's. Default `apart`. */
  readonly contents?: "alike" | "apart";
  /** Whether every snapshot names the last marked write. Default false: a room's snapshots do once one of them does. */
  readonly markedSnapshots?: boolean;
  /** Default 5,000 ms and one silent member. */
  readonly presence?: Partial<PresenceOptions>;
  /** Without it no room's life is judged. */
  readonly lifecycle?: LifecycleOptions;
  readonly refusals?: Partial<Omit<RefusalsOptions, "run">>;
  /** Default: within 2,000 ms. */
  readonly signals?: Partial<Omit<SignalsOptions, "property">>;
  /** Default: within 12,000 ms. */
  readonly endings?: Partial<EndingsOptions>;
  /** Default: within 5,000 ms, however somebody went. */
  readonly statuses?: Partial<StatusesOptions>;
}

/** One checker a property, in the order of PROPERTIES; `lifecycle` only when its options are given. */
export function createCheckers(options: CheckerOptions): Checker[] {
  const { run, echo, orderModel, histogram } = options;
  const contents = options.contents ?? "apart";
  const makers: Readonly<Record<Property, () => Checker | undefined>> = {
    delivery: () => createDelivery({ run, echo }),
    order: () => createOrder({ run, orderModel }),
    convergence: () => createConvergence({ run, echo, orderModel, histogram, contents }),
    guarantees: () => createGuarantees({ run, orderModel }),
    snapshot: () => createSnapshot({ run, contents, markedSnapshots: options.markedSnapshots ?? false }),
    presence: () => createPresence({ withinMs: 5000, silentMembersMax: 1, ...options.presence }),
    lifecycle: () => (options.lifecycle === undefined ? undefined : createLifecycle(options.lifecycle)),
    isolation: () => createIsolation({ run }),
    refusals: () => createRefusals({ run, answerWithinMs: 2000, ...options.refusals }),
    // Judged where latecomers come when all is over: see `createJudges`.
    kept: () => undefined,
    typing: () => createSignals({ withinMs: 2000, ...options.signals, property: "typing" }),
    endings: () => createEndings({ withinMs: 12_000, ...options.endings }),
    hints: () => createSignals({ withinMs: 2000, ...options.signals, property: "hints" }),
    statuses: () => createStatuses({ withinMs: 5000, silentMs: 5000, isTimed: true, ...options.statuses }),
    latency: () => createLatency({ run, echo, budgets: options.budgets ?? {}, histogram }),
  };
  const wanted = options.only ?? PROPERTIES;
  return PROPERTIES.flatMap((property) => (wanted.includes(property) ? (makers[property]() ?? []) : []));
}
