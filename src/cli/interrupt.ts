import { HarnessError } from "../core/errors.ts";

/** What Ctrl-C means while a run is on. */
export interface Interrupt {
  /** Aborted at the first Ctrl-C (or SIGTERM): the run ends early and writes what it has. */
  readonly signal: AbortSignal;
  /** Gives Ctrl-C its ordinary meaning back. */
  release(): void;
}

/** Exit code of a run that was interrupted: 128 + SIGINT. */
export const INTERRUPTED = 130;

/**
 * What `work` gives, or, once the run is interrupted, a rejection: for what has nothing to show yet. When `work` gives
 * something after all, it is handed to `late`, which puts it away.
 */
export function unlessInterrupted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => Promise<void> = async () => {},
): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new HarnessError("internal", "interrupted before there was anything to show"));
      void work.then(late).catch(() => undefined);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  });
}

/** The first Ctrl-C asks for a partial result, the second ends the process; started servers end with it. */
export function onInterrupt(say: (text: string) => void): Interrupt {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    say("interrupted: writing what was gathered so far (once more ends at once)");
    controller.abort();
  };
  process.on("SIGINT", listener);
  process.on("SIGTERM", listener);
  return {
    signal: controller.signal,
    release: () => {
      process.off("SIGINT", listener);
      process.off("SIGTERM", listener);
    },
  };
}
