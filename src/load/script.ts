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
      let bestMs = Infinity;
      for (let index = 0; index < heads.length; index += 1) {
        const atMs = heads[index]?.atMs;
        if (atMs === undefined || (best >= 0 && atMs >= bestMs)) continue;
        best = index;
        bestMs = atMs;
      }
      const step = heads[best];
      if (step !== undefined) heads[best] = sources[best]?.();
      return step;
    },
  };
}

/** A source that gives a fixed list. */
export function fixedSteps(steps: readonly Step[]): StepSource {
  let index = 0;
  return () => steps[index++];
}
