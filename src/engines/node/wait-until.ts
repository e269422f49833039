import type { Stop, Surroundings } from "./surroundings.ts";

const POLL_MS = 50;

/** Resolves once `holds`, at `limitMs` of the engine's clock, or on interrupt. */
export function waitUntil(
  holds: () => boolean,
  limitMs: number,
  signal: Stop,
  { every, nowMs }: Pick<Surroundings, "every" | "nowMs">,
): Promise<void> {
  return new Promise((resolve) => {
    const stop = every(POLL_MS, () => {
      if (!holds() && nowMs() < limitMs && !signal.aborted) return;
      stop();
      resolve();
    });
  });
}
