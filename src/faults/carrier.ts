import type { FaultSignal } from "../core/fault.ts";
import type { Timeline, PlannedFault } from "./timeline.ts";
import type { Undo } from "./hands.ts";

export interface CarrierOptions {
  readonly timeline: Timeline;
  readonly strike: (fault: PlannedFault) => Promise<Undo>;
  /** Tells the players; resolves once they have heard it. */
  readonly signal: (signal: FaultSignal) => Promise<void>;
  /** A line for the user. */
  readonly say: (text: string) => void;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** A timeline as it is carried out. */
export interface Carrier {
  /** The run's time begins. */
  begin(): void;
  /** Undoes all that is still wrong, at once; resolves when it is. What has not begun never will. */
  heal(): Promise<void>;
  /** Why faults could not be carried out or undone, by their id. */
  readonly failures: ReadonlyMap<number, string>;
}

/**
 * Carries a timeline out: each fault begins at its time and is undone at its end, all of them at `healMs` at the latest.
 * Whatever fails is told, not thrown: a server that does not come back is a finding of the run.
 */
export function createCarrier({ timeline, strike, signal, say, nowMs }: CarrierOptions): Carrier {
  const timers: NodeJS.Timeout[] = [];
  const failures = new Map<number, string>();
  /** Ends of the faults that have begun: called once, they undo it. */
  const open = new Map<number, () => Promise<void>>();
  let healing: Promise<void> | undefined;
  const failed = (fault: PlannedFault, error: unknown): void => {
    failures.set(fault.id, error instanceof Error ? error.message : String(error));
  };

  const start = (fault: PlannedFault): void => {
    if (healing !== undefined) return;
    say(`fault: ${fault.what}, ${fault.whom}`);
    // A player that is told too late takes what the fault does for the server's doing.
    const told = signal({ kind: "begin", fault: fault.id });
    const striking = told
      .then(() => strike(fault))
      .catch((error: unknown) => {
        failed(fault, error);
        return undefined;
      });
    let ending: Promise<void> | undefined;
    const end = (): Promise<void> =>
      (ending ??= striking
        .then((undo) => undo?.())
        .catch((error: unknown) => failed(fault, error))
        .then(() => {
          open.delete(fault.id);
          void signal({ kind: "end", fault: fault.id });
          if (fault.endMs > fault.beginMs) say(`over: ${fault.what}`);
        }));
    open.set(fault.id, end);
    if (fault.endMs <= fault.beginMs) void end();
    else timers.push(setTimeout(() => void end(), fault.endMs - fault.beginMs));
  };

  return {
    begin: () => {
      const originMs = nowMs();
      for (const fault of timeline.faults) timers.push(setTimeout(start, fault.beginMs - (nowMs() - originMs), fault));
      timers.push(setTimeout(() => void healed(), timeline.healMs));
    },
    heal: () => healed(),
    failures,
  };

  function healed(): Promise<void> {
    healing ??= (async () => {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all([...open.values()].map((end) => end()));
      void signal({ kind: "healed" });
    })();
    return healing;
  }
}
