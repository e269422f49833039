const POLL_MS = 50;

/** Resolves once `holds`, at `limitMs` of the monotonic clock, or on interrupt. */
export function waitUntil(holds: () => boolean, limitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!holds() && performance.now() < limitMs && !signal.aborted) return;
      clearInterval(timer);
      resolve();
    }, POLL_MS);
  });
}
