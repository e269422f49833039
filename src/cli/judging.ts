import { createJudges, type Judging } from "../checkers/judges.ts";
import { MemoryLedger } from "../checkers/ledger.ts";
import type { Panel } from "../core/checker.ts";
import { createHdr } from "../engines/node/hdr.ts";

export { judgingOf, type Judging } from "../checkers/judges.ts";

/** The ledger of one shard. */
export function ledgerOf(
  { orderModel, echo, run }: Judging,
  slots: number,
  onDelivery: (latencyMs: number | undefined) => void,
): MemoryLedger {
  const decoder = new TextDecoder();
  return new MemoryLedger({ orderModel, echo, run, slots, histogram: createHdr, textOf: (bytes) => decoder.decode(bytes), onDelivery });
}

/** The checkers beside it. */
export function panelOf(judging: Judging): Panel {
  return createJudges(judging, createHdr);
}
