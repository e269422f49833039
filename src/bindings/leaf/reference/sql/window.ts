import { type SqlValue, WINDOW_MAX } from "../../messages.ts";
import type { SqlFaults } from "../faults.ts";

/** A query as it is asked; `start` and `limit` as given. */
export interface WindowRequest {
  readonly name: string;
  readonly params: Readonly<Record<string, SqlValue>>;
  readonly start: bigint | undefined;
  readonly limit: bigint | undefined;
}

/** The positions that an answer may span (L-7). */
export interface WindowBounds {
  readonly start: bigint;
  readonly limit: bigint;
}

const INT64_MAX = 2n ** 63n - 1n;

/** @throws Error for a negative start and a limit below 1. A larger limit than the greatest is cut, no refusal. */
export function readWindow(request: WindowRequest, faults: Pick<SqlFaults, "windowMax" | "refusesBadBounds">): WindowBounds {
  const { start = 1n, limit = BigInt(WINDOW_MAX) } = request;
  if (!faults.refusesBadBounds && (start < 0n || limit < 1n)) return { start: 1n, limit: BigInt(WINDOW_MAX) };
  if (start < 0n) throw new Error("`start` must not be negative");
  if (limit < 1n) throw new Error("`limit` must be at least 1");
  const most = BigInt(faults.windowMax(WINDOW_MAX));
  const begin = start === 0n ? 1n : start;
  return { start: begin > INT64_MAX - most ? INT64_MAX - most : begin, limit: limit > most ? most : limit };
}
