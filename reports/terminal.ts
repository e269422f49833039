import pc from "picocolors";
import type { WitnessStep } from "../src/core/checker.ts";
import type { CapacityResult } from "../src/core/capacity.ts";
import type { FaultsResult, HarnessResult, LoadResult, RequirementResult, Result } from "../src/core/result.ts";
import { levelHead, levelLine, levelWords } from "./capacity.ts";
import { faultWords, lossSentence } from "./faults.ts";
import { besidesOf, latenciesOf } from "./latencies.ts";
import { byGravity, relativeMs, rerunOf, standingOf, summarise, verdictWord, type Standing } from "./summary.ts";
import { cut, formatBytes, formatDuration, formatMs, formatNumber, formatRate, formatShare, oneLine } from "./text.ts";

export interface TerminalOptions {
  /** Default false: plain text, as for a pipe or a log. */
  readonly colour?: boolean;
  /** Columns to keep within; default 100. */
  readonly columns?: number;
}

/** More failures than this are counted, not shown: the HTML report has them all. */
const FAILURES_MAX = 12;
/** Steps of a witness in the small diagram; the last ones are kept, since the breach is at the end. */
const STEPS_MAX = 12;
const COLUMNS_MIN = 60;

type Paint = (text: string) => string;
interface Pen {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly of: (standing: Standing) => Paint;
  readonly columns: number;
}

/** The summary that a command ends with: verdict, counts, what is broken and how to run it again, load figures. */
export function renderTerminal(result: Result, options: TerminalOptions = {}): string {
  const pen = createPen(options);
  const summary = summarise(result);
  const shown = byGravity(result.requirements).filter((requirement) =>
    ["fail", "stale", "inconclusive", "warning"].includes(standingOf(requirement)),
  );
  const blocks: string[][] = [
    headline(result, summary.sentence, pen),
    ...(result.requirements.length === 0 ? [] : [[`  judged ${summary.judged} of ${summary.total}: ${countsLine(summary.counts, pen)}`]]),
    ...(result.harness.inconclusiveBecause.length === 0
      ? []
      : [result.harness.inconclusiveBecause.map((why) => `  ${pen.of("inconclusive")("?")} ${oneLine(why)}`)]),
    ...shown.slice(0, FAILURES_MAX).map((requirement) => failure(result, requirement, pen)),
    ...(shown.length > FAILURES_MAX ? [[pen.dim(`  … and ${shown.length - FAILURES_MAX} more in the report`)]] : []),
    ...(summary.counts.known === 0 ? [] : [knownLines(result, pen)]),
    ...(summary.counts.skipped === 0 ? [] : [skippedLines(result, pen)]),
    ...(result.capacity === undefined ? [] : [capacityLines(result.capacity, pen)]),
    ...(result.load === undefined ? [] : [loadLines(result.load, result, pen)]),
    ...(result.notes.length === 0 ? [] : [result.notes.map((note) => `  ${pen.dim("note")}  ${oneLine(note)}`)]),
    [`  ${pen.dim("again")} ${oneLine(result.rerun)}`],
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function createPen(options: TerminalOptions): Pen {
  const paint = pc.createColors(options.colour === true);
  const colours: Readonly<Record<Standing, Paint>> = {
    fail: paint.red,
    stale: paint.red,
    inconclusive: paint.magenta,
    warning: paint.yellow,
    known: paint.yellow,
    pass: paint.green,
    reported: paint.cyan,
    skipped: paint.dim,
  };
  return { bold: paint.bold, dim: paint.dim, of: (standing) => colours[standing], columns: Math.max(COLUMNS_MIN, options.columns ?? 100) };
}

const MARKS = {
  fail: "✗",
  stale: "✗",
  inconclusive: "?",
  warning: "!",
  known: "~",
  pass: "✓",
  reported: "i",
  skipped: "–",
} as const satisfies Record<Standing, string>;

function headline(result: Result, sentence: string, pen: Pen): string[] {
  const paint = pen.of(result.verdict);
  const what = [
    result.command,
    oneLine(result.target.name),
    oneLine(result.target.url),
    result.profile,
    `seed ${oneLine(result.seed)}`,
    formatDuration(result.durationMs),
  ];
  if (result.target.mutant !== undefined) what.splice(2, 0, `mutant ${oneLine(result.target.mutant)}`);
  if (result.target.timeScale !== 1) what.push(`timers × ${formatRate(result.target.timeScale)}`);
  return [
    `${paint(MARKS[result.verdict])} ${pen.bold(paint(verdictWord(result.verdict)))}${result.interrupted ? pen.bold(" (interrupted, partial)") : ""}  ${sentence}`,
    pen.dim(`  ${what.join(" · ")}`),
    ...(result.replicas === undefined ? [] : [pen.dim(`  replicas: ${replicasText(result.replicas)}`)]),
  ];
}

/** `http://127.0.0.1:4001 (50 clients), http://127.0.0.1:4002 (50 clients)` */
function replicasText(replicas: NonNullable<Result["replicas"]>): string {
  return replicas
    .map(({ name, url, clients }) => `${oneLine(name === undefined ? url : `${name} ${url}`)} (${formatNumber(clients)} clients)`)
    .join(", ");
}

function countsLine(counts: Readonly<Record<Standing, number>>, pen: Pen): string {
  const words: readonly (readonly [Standing, string])[] = [
    ["pass", "passed"],
    ["fail", "failed"],
    ["stale", "stale"],
    ["warning", "warned"],
    ["known", "known"],
    ["inconclusive", "inconclusive"],
    ["reported", "reported"],
    ["skipped", "skipped"],
  ];
  return words
    .filter(([standing]) => counts[standing] > 0)
    .map(([standing, word]) => pen.of(standing)(`${counts[standing]} ${word}`))
    .join(", ");
}

function failure(result: Result, requirement: RequirementResult, pen: Pen): string[] {
  const standing = standingOf(requirement);
  const paint = pen.of(standing);
  const reasons = requirement.reasons.length === 0 ? "" : `  ${requirement.reasons.join(", ")}`;
  const lines = [
    `${paint(`${MARKS[standing]} ${pen.bold(oneLine(requirement.id))}`)}  ${pen.dim(`${requirement.level} · ${requirement.category} · ${standing}`)}${paint(reasons)}`,
    ...wrap(oneLine(requirement.statement), pen.columns - 4).map((line) => `    ${line}`),
  ];
  const witness = requirement.witness;
  if (witness === undefined) {
    lines.push(...field("observed", requirement.observed, pen));
  } else {
    lines.push(...field("expected", witness.expected, pen), ...field("seen", witness.seen, pen), ...diagram(witness.steps, pen));
  }
  if (standing === "stale" && requirement.known !== undefined)
    lines.push(...field("known as", `${requirement.known.because} (until ${requirement.known.until})`, pen));
  if (standing === "fail" || standing === "warning") lines.push(...field("again", rerunOf(result, requirement), pen));
  return lines;
}

function field(name: string, text: string, pen: Pen): string[] {
  return wrap(cut(oneLine(text), 600), pen.columns - 14).map(
    (line, index) => `    ${pen.dim((index === 0 ? name : "").padEnd(9))} ${line}`,
  );
}

function diagram(steps: readonly WitnessStep[], pen: Pen): string[] {
  const first = steps[0];
  if (first === undefined) return [];
  const kept = steps.slice(-STEPS_MAX);
  const name = (text: string): string => cut(oneLine(text), 18);
  const nameWidth = Math.max(...kept.flatMap((step) => [name(step.from).length, name(step.to).length]));
  const times = kept.map((step) => relativeMs(step.atMs, first.atMs));
  const timeWidth = Math.max(...times.map((time) => time.length));
  const lines = kept.map((step, index) => {
    const start = `${(times[index] ?? "").padStart(timeWidth)} ms  ${name(step.from).padStart(nameWidth)} ──▶ ${name(step.to).padEnd(nameWidth)}  `;
    const line = `${start}${cut(oneLine(step.label), Math.max(20, pen.columns - start.length - 6))}`;
    return step.isBad === true ? pen.of("fail")(`  ✗ ${line}`) : `    ${line}`;
  });
  return steps.length > kept.length ? [pen.dim(`    … ${steps.length - kept.length} earlier messages in the report`), ...lines] : lines;
}

function knownLines(result: Result, pen: Pen): string[] {
  return result.requirements
    .filter((requirement) => standingOf(requirement) === "known")
    .map(
      (requirement) =>
        `  ${pen.of("known")("~")} ${oneLine(requirement.id)}  known (${requirement.reasons.join(", ")}): ${oneLine(requirement.known?.because ?? "")}, until ${oneLine(requirement.known?.until ?? "")}`,
    );
}

function skippedLines(result: Result, pen: Pen): string[] {
  return result.requirements
    .filter((requirement) => requirement.verdict === "skipped")
    .map((requirement) => pen.dim(`  – ${oneLine(requirement.id)}  skipped: ${cut(oneLine(requirement.observed), 200)}`));
}

/** The levels in the order of their load, and the command of the one that answers. */
function capacityLines(capacity: CapacityResult, pen: Pen): string[] {
  const paints = { met: pen.of("pass"), failed: pen.of("fail"), inconclusive: pen.of("inconclusive") } as const;
  const level = capacity.answer === undefined ? undefined : capacity.levels[capacity.answer.level];
  return [
    pen.dim(levelHead()),
    ...capacity.levels.toSorted((left, right) => left.at - right.at).map((each) => paints[each.outcome](levelLine(each))),
    ...(capacity.kneeAt === undefined ? [] : [`  knee of latency at ${levelWords(capacity.by, capacity.kneeAt)}`]),
    ...(level === undefined ? [] : [`  ${pen.dim("this level again")} ${oneLine(level.rerun)}`]),
  ];
}

function loadLines(load: LoadResult, result: Result, pen: Pen): string[] {
  const missing = load.expected - load.delivered;
  const besides = besidesOf(load);
  const reach = `${formatNumber(load.delivered)} of ${formatNumber(load.expected)} delivered, reach ${formatShare(load.reach)}`;
  return [
    `  ${pen.bold(oneLine(load.scenario))}  ${formatNumber(load.clients)} clients in ${formatNumber(load.rooms)} rooms for ${formatDuration(load.durationMs)}`,
    ...(load.expected === 0 ? [] : [`  ${missing === 0 ? pen.of("pass")(reach) : pen.of("fail")(reach)}`]),
    `  sent ${formatNumber(load.sent)} at ${formatRate(load.achievedPerSecond)}/s (${formatRate(load.plannedPerSecond)}/s planned), ${formatNumber(load.late)} late, ${formatNumber(load.unsent)} unsent, ${formatNumber(load.dropped)} dropped; send lag p99 ${formatMs(load.sendLagMs.p99)}`,
    ...(besides.length === 0 ? [] : [`  beside them ${besides.join(", ")}`]),
    pen.dim(`  ${"".padEnd(12)}${["p50", "p95", "p99", "p99.9", "max"].map((head) => head.padStart(12)).join("")}`),
    ...latenciesOf(load).map(
      ({ name, figures }) =>
        `  ${name.padEnd(12)}${[figures.p50, figures.p95, figures.p99, figures.p999, figures.max].map((value) => formatMs(value).padStart(12)).join("")}`,
    ),
    ...(load.faults === undefined ? [] : faultLines(load.faults, pen)),
    ...load.objectives.map(
      (objective) =>
        `  ${pen.of(objective.verdict)(MARKS[objective.verdict])} ${oneLine(objective.name)}  ${oneLine(objective.got)}  ${pen.dim(`wanted ${oneLine(objective.wanted)}`)}`,
    ),
    pen.dim(`  harness: ${harnessWords(result.harness)}`),
  ];
}

/** Faults that the terminal lists; of more the report has the rest. */
const FAULTS_MAX = 12;

function faultLines(result: FaultsResult, pen: Pen): string[] {
  const words = result.faults.map(faultWords);
  const shown =
    words.length <= FAULTS_MAX
      ? words
      : [...words.filter(({ isBad }) => isBad), ...words.filter(({ isBad }) => !isBad)].slice(0, FAULTS_MAX);
  const whatWidth = Math.max(5, ...shown.map(({ what, whom }) => `${what}, ${whom}`.length));
  const row = (at: string, what: string, detected: string, recovered: string): string =>
    `  ${at.padStart(8)}  ${what.padEnd(Math.min(48, whatWidth))}${detected.padStart(12)}${recovered.padStart(12)}`;
  return [
    pen.dim(row("at", `fault (${oneLine(result.plan)})`, "detected", "recovered")),
    ...shown.map(({ at, what, whom, detected, recovered, isBad }) => {
      const line = row(at, cut(oneLine(`${what}, ${whom}`), 48), detected, oneLine(recovered));
      return isBad ? pen.of("fail")(line) : line;
    }),
    ...(shown.length < words.length ? [pen.dim(`  … and ${words.length - shown.length} more in the report`)] : []),
    `  ${result.lost + result.doubled + result.missing === 0 ? oneLine(lossSentence(result)) : pen.of("fail")(oneLine(lossSentence(result)))}`,
  ];
}

function harnessWords({ workers, loopLagMsP99, loopLagMsMax, gc, cpu, residentBytes }: HarnessResult): string {
  return [
    `${workers} ${workers === 1 ? "worker" : "workers"}`,
    `loop lag p99 ${formatMs(loopLagMsP99)}${loopLagMsMax === undefined ? "" : `, max ${formatMs(loopLagMsMax)}`}`,
    ...(gc === undefined ? [] : [`${formatNumber(gc.count)} GC pauses of ${formatMs(gc.totalMs)} in all, max ${formatMs(gc.maxMs)}`]),
    `cpu ${formatNumber(cpu * 100)}% of a core`,
    formatBytes(residentBytes),
  ].join(", ");
}

/** Breaks at spaces; a word longer than the width stays whole, so that commands can be copied. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
