import type { CapacityLevel, CapacityResult } from "../src/core/capacity.ts";
import { cut, formatDuration, formatMs, formatNumber, formatRate, oneLine } from "./text.ts";

/** Reasons that one line shows; the report of the level has all. */
const BECAUSE_MAX = 2;
const BECAUSE_CHARACTERS_MAX = 160;

/** A level as people say it: `37.5 a second`, `4,321 clients`. */
export function levelWords(by: CapacityResult["by"], at: number): string {
  return by === "rate" ? `${formatLevel(at)} writes a second and client` : `${formatNumber(at)} clients`;
}

/** A level as a figure: `0.25`, `37.5`, `4,321`. */
export function formatLevel(at: number): string {
  const places = /\.(\d+)$/.exec(String(at))?.[1]?.length ?? 0;
  return formatNumber(at, Math.min(places, 6));
}

/** Why a level is not met, in a few words. */
export function becauseWords(because: readonly string[]): string {
  const more = because.length > BECAUSE_MAX ? ` (and ${because.length - BECAUSE_MAX} more)` : "";
  const shown = because.slice(0, BECAUSE_MAX).map((why) => cut(oneLine(why), BECAUSE_CHARACTERS_MAX));
  return `${shown.join("; ")}${more}`;
}

/** The two sentences that a search comes to: what the server holds, and what ended the search. */
export function capacitySentences(capacity: CapacityResult): readonly [answer: string, limit: string] {
  const { answer, by, levels } = capacity;
  const level = answer === undefined ? undefined : levels[answer.level];
  return [
    level === undefined || answer === undefined ? nothingSentence(capacity) : heldSentence(by, answer, level),
    limitSentence(capacity),
  ];
}

function heldSentence(by: CapacityResult["by"], { at, isConfirmed }: NonNullable<CapacityResult["answer"]>, level: CapacityLevel): string {
  return (
    `Holds ${levelWords(by, at)}: ${formatNumber(level.clients)} clients in ${formatNumber(level.rooms)} rooms, ` +
    `${formatRate(level.achievedPerSecond)} sent and ${formatRate(level.deliveredPerSecond)} delivered a second, ` +
    `delivery p99 ${formatMs(level.deliveryMs.p99)}${isConfirmed ? `, confirmed for ${formatDuration(level.durationMs)}` : ", not confirmed"}.`
  );
}

function nothingSentence({ levels, limit, by, from }: CapacityResult): string {
  if (levels.length === 0) return "No level was finished.";
  const isServer = limit.kind === "server";
  return `${isServer ? "Not even the lowest level held" : "Whether the lowest level holds is not known"}: ${levelWords(by, from)}.`;
}

function limitSentence({ limit, by }: CapacityResult): string {
  switch (limit.kind) {
    case "server":
      return `The server's limit was met at ${levelWords(by, limit.at)}: ${becauseWords(limit.because)}.`;
    case "harness":
      return `The harness's own limit was met at ${levelWords(by, limit.at)}, the server's was not seen there: ${becauseWords(limit.because)}.`;
    case "asked":
      return `The highest level asked for held: the server may hold more than ${levelWords(by, limit.at)}.`;
    case "open":
      return "The search ended before a limit was met.";
  }
}

/** Columns of the table of levels: head, and the cell of a level. All but the last stand to the right. */
export const LEVEL_COLUMNS: readonly (readonly [head: string, width: number, cell: (level: CapacityLevel) => string])[] = [
  ["level", 9, ({ at }) => formatLevel(at)],
  ["clients", 9, ({ clients }) => formatNumber(clients)],
  ["offered/s", 11, ({ plannedPerSecond }) => formatRate(plannedPerSecond)],
  ["sent/s", 11, ({ achievedPerSecond }) => formatRate(achievedPerSecond)],
  ["delivered/s", 13, ({ deliveredPerSecond }) => formatRate(deliveredPerSecond)],
  ["p50", 10, ({ deliveryMs }) => formatMs(deliveryMs.p50)],
  ["p99", 10, ({ deliveryMs }) => formatMs(deliveryMs.p99)],
  ["cpu", 6, ({ harness }) => `${formatNumber(harness.cpu * 100)}%`],
];

/** The head of the table, as text. */
export function levelHead(): string {
  return `  ${LEVEL_COLUMNS.map(([head, width]) => head.padStart(width)).join("")}  outcome`;
}

/** A level as a line of the table. */
export function levelLine(level: CapacityLevel): string {
  const cells = LEVEL_COLUMNS.map(([, width, cell]) => cell(level).padStart(width)).join("");
  const why = level.because.length === 0 ? "" : `: ${becauseWords(level.because)}`;
  return `  ${cells}  ${level.phase === "confirm" ? `${formatDuration(level.durationMs)} ` : ""}${level.outcome}${why}`;
}
