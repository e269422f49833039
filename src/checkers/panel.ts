import type { Checker, Panel } from "../core/checker.ts";

/** Several checkers as one observer. */
export function createPanel(checkers: readonly Checker[]): Panel {
  return {
    observe: (observation) => {
      for (const checker of checkers) checker.observe(observation);
    },
    finish: (nowMs) => checkers.map((checker) => checker.finish(nowMs)),
  };
}
