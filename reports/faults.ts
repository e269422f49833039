import type { FaultResult } from "../src/core/fault.ts";
import type { FaultsResult } from "../src/core/result.ts";
import { formatDuration, formatMs, formatNumber } from "./text.ts";

/** One fault in words; the same in every format. */
export interface FaultWords {
  readonly number: string;
  readonly what: string;
  readonly whom: string;
  readonly at: string;
  readonly lasted: string;
  readonly noticed: string;
  readonly detected: string;
  readonly recovered: string;
  /** It could not be done, or the server did not recover from it. */
  readonly isBad: boolean;
}

/** What comes in one moment takes some milliseconds all the same. */
const MOMENT_MS = 250;

/** The fault at a place of the list, from 0. */
export function faultWords(fault: FaultResult, index: number): FaultWords {
  const { what, whom, beginMs, endMs, noticedBy, detectMs, recoverMs, failure } = fault;
  return {
    number: String(index + 1),
    what,
    whom,
    at: formatDuration(beginMs),
    lasted: endMs - beginMs < MOMENT_MS ? "a moment" : formatDuration(endMs - beginMs),
    noticed: noticedBy === 0 ? "nobody" : formatNumber(noticedBy),
    detected: detectMs === undefined ? "–" : formatMs(detectMs),
    recovered: failure !== undefined ? failure : recoverMs === undefined ? "not seen" : formatMs(recoverMs),
    isBad: failure !== undefined || recoverMs === undefined,
  };
}

/** What was lost by the faults of a run, in a sentence, with the requirement that says so. */
export function lossSentence({ lost, doubled, looked, missing, upset, requirement }: FaultsResult): string {
  const parts: string[] = [];
  if (looked === 0) parts.push("Whether what was confirmed is still there was not looked at.");
  else if (lost + doubled === 0) parts.push("Nothing that was confirmed is lost.");
  else parts.push(`${formatNumber(lost)} lost of what was confirmed${doubled === 0 ? "" : `, ${formatNumber(doubled)} there twice`}.`);
  if (requirement !== undefined && looked > 0) parts.push(`${requirement} says so.`);
  if (missing > 0) parts.push(`${formatNumber(missing)} clients never came back.`);
  if (upset > 0) parts.push(`${formatNumber(upset)} acts were left out, their clients being away.`);
  return parts.join(" ");
}
