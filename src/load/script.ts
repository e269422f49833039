import type { ClientScript, Step } from "../core/scenario.ts";

/** A source of steps in the order of their times. */
export type StepSource = () => Step | undefined;

/** One script out of several sources, merged by planned time; equal times keep the order of the sources. */
export function mergeSteps(room: number, sources: readonly StepSource[]): ClientScript {
  const heads = sources.map((source) => source());
  return {
    room,
    next() {
      let best = -1;
      for (const [index, head] of heads.entries()) {
        if (head !== undefined && (best < 0 || head.atMs < (heads[best]?.atMs ?? Infinity))) best = index;
      }
      if (best < 0) return undefined;
      const step = heads[best];
      heads[best] = sources[best]?.();
      return step;
    },
  };
}

/** A source that gives a fixed list. */
export function fixedSteps(steps: readonly Step[]): StepSource {
  let index = 0;
  return () => steps[index++];
}
