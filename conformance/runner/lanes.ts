import type { Phase } from "../../src/core/case.ts";

/** How many cases of a phase run at once. */
export interface LaneLimits {
  readonly shared: number;
  readonly quiet: number;
  readonly exclusive: number;
}

/** Decides when a case may run. */
export interface Lanes {
  /** Resolves when a case of the phase may start; call what it gives when the case has ended. */
  enter(phase: Phase): Promise<() => void>;
  /** Resolves when every case has ended. */
  done(): Promise<void>;
}

/**
 * Shared cases first, then quiet ones, then exclusive ones; within a phase as many at once as the limit says.
 * `exclusiveBeside`: exclusive cases begin once so few quiet ones are left; above 0 only where they have a server of
 * their own.
 * `counts` says how many cases each phase has: a phase begins when those before it have all ended.
 */
export function createLanes(counts: Readonly<Record<Phase, number>>, limits: LaneLimits, exclusiveBeside: number): Lanes {
  const left: Record<Phase, number> = { ...counts };
  const running: Record<Phase, number> = { shared: 0, quiet: 0, exclusive: 0 };
  const waiting: Record<Phase, (() => void)[]> = { shared: [], quiet: [], exclusive: [] };
  const atEnd: (() => void)[] = [];
  const mayRun = (phase: Phase): boolean => {
    if (running[phase] >= limits[phase]) return false;
    if (phase === "shared") return true;
    if (left.shared > 0) return false;
    return phase === "quiet" || left.quiet <= exclusiveBeside;
  };
  const pump = (): void => {
    for (const phase of ["shared", "quiet", "exclusive"] as const) {
      while (waiting[phase].length > 0 && mayRun(phase)) {
        running[phase] += 1;
        waiting[phase].shift()?.();
      }
    }
    if (left.shared + left.quiet + left.exclusive <= 0) for (const tell of atEnd.splice(0)) tell();
  };
  return {
    enter: (phase) =>
      new Promise((resolve) => {
        let hasLeft = false;
        const leave = (): void => {
          if (hasLeft) return;
          hasLeft = true;
          running[phase] -= 1;
          left[phase] -= 1;
          pump();
        };
        waiting[phase].push(() => resolve(leave));
        pump();
      }),
    done: () =>
      new Promise((resolve) => {
        atEnd.push(resolve);
        pump();
      }),
  };
}
