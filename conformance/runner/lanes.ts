import type { Phase } from "../../src/core/case.ts";

const PHASES = ["shared", "quiet", "waiting", "own", "exclusive"] as const satisfies readonly Phase[];

/** How many cases of a phase run at once. */
export type LaneLimits = Readonly<Record<Phase, number>>;

/** Decides when a case may run. */
export interface Lanes {
  /** Resolves when a case of the phase may start; call what it gives when the case has ended. */
  enter(phase: Phase): Promise<() => void>;
  /** Resolves when every case has ended. */
  done(): Promise<void>;
}

/** What exclusive cases run beside. */
export interface Beside {
  /** Exclusive cases, and those on servers of their own, begin once so few quiet ones are left. */
  readonly exclusiveBeside: number;
  /** Exclusive cases have a server for themselves; otherwise they wait until all others have ended. */
  readonly isExclusiveApart: boolean;
}

/**
 * Shared cases first, then quiet ones and those that wait, then those on servers of their own and exclusive ones; within
 * a phase as many at once as the limit says, in the order in which they came.
 * `counts` says how many cases each phase has: a phase begins when those before it have ended.
 */
export function createLanes(
  counts: Readonly<Record<Phase, number>>,
  limits: LaneLimits,
  { exclusiveBeside, isExclusiveApart }: Beside,
): Lanes {
  const left: Record<Phase, number> = { ...counts };
  const running: Record<Phase, number> = { shared: 0, quiet: 0, waiting: 0, own: 0, exclusive: 0 };
  const queues: Record<Phase, (() => void)[]> = { shared: [], quiet: [], waiting: [], own: [], exclusive: [] };
  const atEnd: (() => void)[] = [];
  const mayRun = (phase: Phase): boolean => {
    if (running[phase] >= limits[phase]) return false;
    switch (phase) {
      case "shared":
        return true;
      case "quiet":
      case "waiting":
        return left.shared <= 0;
      case "own":
        return left.shared <= 0 && left.quiet <= exclusiveBeside;
      case "exclusive":
        return left.shared <= 0 && (isExclusiveApart ? left.quiet <= exclusiveBeside : left.quiet + left.waiting + left.own <= 0);
    }
  };
  const hasLeft = (): boolean => PHASES.some((phase) => left[phase] > 0);
  const pump = (): void => {
    for (const phase of PHASES) {
      while (queues[phase].length > 0 && mayRun(phase)) {
        running[phase] += 1;
        queues[phase].shift()?.();
      }
    }
    if (!hasLeft()) for (const tell of atEnd.splice(0)) tell();
  };
  return {
    enter: (phase) =>
      new Promise((resolve) => {
        let isOut = false;
        const leave = (): void => {
          if (isOut) return;
          isOut = true;
          running[phase] -= 1;
          left[phase] -= 1;
          pump();
        };
        queues[phase].push(() => resolve(leave));
        pump();
      }),
    done: () =>
      new Promise((resolve) => {
        atEnd.push(resolve);
        pump();
      }),
  };
}
