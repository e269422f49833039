import { createJudges, type Judging } from "../checkers/judges.ts";
import type { LedgerAcross } from "../checkers/ledger-types.ts";
import { MemoryLedger } from "../checkers/ledger.ts";
import type { Panel } from "../core/checker.ts";
import { createHdr } from "../engines/node/hdr.ts";

export { judgingOf, type Judging } from "../checkers/judges.ts";

/** The ledger of one shard. */
export function ledgerOf(
  { orderModel, echo, run }: Judging,
  slots: number,
  onDelivery: (latencyMs: number | undefined) => void,
  across?: LedgerAcross,
): MemoryLedger {
  const decoder = new TextDecoder();
  const textOf = (bytes: Uint8Array): string => decoder.decode(bytes);
  const shared = across === undefined ? {} : { across };
  return new MemoryLedger({ orderModel, echo, run, slots, histogram: createHdr, textOf, onDelivery, ...shared });
}

/** The checkers beside it. `onSignal` as of `createJudges`. */
export function panelOf(judging: Judging, onSignal?: (latencyMs: number) => void): Panel {
  return createJudges(judging, createHdr, onSignal);
}
