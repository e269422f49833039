import { unreachable } from "../../core/errors.ts";
import type { FaultAction } from "../../core/fault.ts";

/** What lies on the way of some lanes of some replicas. `partition` is silence to a proxy. */
export type Rule = Extract<FaultAction, { readonly kind: "latency" | "bandwidth" | "cut" | "reset" | "half-open" | "slow-close" }>;

/** A rule and where it holds. */
export interface Placed {
  readonly lanes: readonly number[];
  readonly replicas: readonly number[];
  readonly rule: Rule;
}

/** The state of one lane: all rules that hold there, taken together. */
export interface Condition {
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Infinity: no limit. */
  readonly bytesPerSecond: number;
  readonly isSilent: boolean;
  /** How a connection ends that comes now; undefined: it lives. */
  readonly ending: "cut" | "reset" | undefined;
  readonly slowCloseMs: number;
}

export const CLEAR: Condition = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecond: Infinity,
  isSilent: false,
  ending: undefined,
  slowCloseMs: 0,
};

/** Delays add up, of limits the tightest holds, and a reset goes before a cut. */
export function conditionOf(rules: readonly Rule[]): Condition {
  const condition: { -readonly [name in keyof Condition]: Condition[name] } = { ...CLEAR };
  for (const rule of rules) {
    switch (rule.kind) {
      case "latency":
        condition.latencyMs += rule.latencyMs;
        condition.jitterMs += rule.jitterMs;
        break;
      case "bandwidth":
        condition.bytesPerSecond = Math.min(condition.bytesPerSecond, rule.bytesPerSecond);
        break;
      case "half-open":
        condition.isSilent = true;
        break;
      case "cut":
        condition.ending ??= "cut";
        break;
      case "reset":
        condition.ending = "reset";
        break;
      case "slow-close":
        condition.slowCloseMs = Math.max(condition.slowCloseMs, rule.delayMs);
        break;
      default:
        unreachable(rule);
    }
  }
  return condition;
}
