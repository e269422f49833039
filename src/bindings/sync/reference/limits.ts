import type { Limits } from "./config.ts";

const MINUTE_MS = 60_000;
/** Identities and addresses that are remembered; beyond it the oldest window goes. */
const WINDOWS_MAX = 100_000;
/** Frames may be over their figure for so long. */
const EXCESS_MS = 5_000;

interface Window {
  fromMs: number;
  count: number;
}

/** Whether one more of something may pass; otherwise the seconds after which it may. */
export type Allowance = { readonly isAllowed: true } | { readonly isAllowed: false; readonly retryAfterS: number };

const ALLOWED: Allowance = { isAllowed: true };

/** Rates by identity and address; all real time. Off when there are no limits. */
export interface RateLimits {
  token(did: string): Allowance;
  /** Whether an address may try to sign in. */
  attempt(address: string): Allowance;
  failed(address: string): void;
  /** Counts a frame of a DID; true when it has been over the figure for too long. */
  isFlooding(did: string): boolean;
  readonly socketsPerDid: number;
}

export function createRateLimits(limits: Limits | undefined, nowMs: () => number): RateLimits {
  const tokens = new Map<string, Window>();
  const failures = new Map<string, Window>();
  const frames = new Map<string, Window & { excessMs: number | undefined }>();
  const windowOf = (windows: Map<string, Window>, key: string): Window => {
    const now = nowMs();
    let window = windows.get(key);
    if (window === undefined || now - window.fromMs >= MINUTE_MS) {
      windows.delete(key);
      windows.set(key, (window = { fromMs: now, count: 0 }));
      if (windows.size > WINDOWS_MAX) windows.delete(windows.keys().next().value ?? key);
    }
    return window;
  };
  const allow = (window: Window, most: number): Allowance =>
    window.count < most
      ? ALLOWED
      : { isAllowed: false, retryAfterS: Math.max(1, Math.ceil((window.fromMs + MINUTE_MS - nowMs()) / 1_000)) };
  return {
    socketsPerDid: limits?.socketsPerDid ?? Infinity,
    token: (did) => {
      if (limits === undefined) return ALLOWED;
      const window = windowOf(tokens, did);
      const allowance = allow(window, limits.tokensPerMinute);
      if (allowance.isAllowed) window.count += 1;
      return allowance;
    },
    attempt: (address) => (limits === undefined ? ALLOWED : allow(windowOf(failures, address), limits.authFailuresPerMinute)),
    failed: (address) => {
      if (limits !== undefined) windowOf(failures, address).count += 1;
    },
    isFlooding: (did) => {
      if (limits === undefined) return false;
      const now = nowMs();
      let window = frames.get(did);
      if (window === undefined) {
        frames.set(did, (window = { fromMs: now, count: 0, excessMs: undefined }));
        if (frames.size > WINDOWS_MAX) frames.delete(frames.keys().next().value ?? did);
      }
      if (now - window.fromMs >= 1_000) {
        // The second that has ended decides whether the excess goes on.
        if (window.count <= limits.framesPerSecond || now - window.fromMs >= 2_000) window.excessMs = undefined;
        window.fromMs = now;
        window.count = 0;
      }
      window.count += 1;
      if (window.count > limits.framesPerSecond) window.excessMs ??= now;
      return window.excessMs !== undefined && now - window.excessMs >= EXCESS_MS;
    },
  };
}
