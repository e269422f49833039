import type { CapacityResult } from "../src/core/capacity.ts";
import type { FaultsResult, LoadResult, RequirementResult, Result } from "../src/core/result.ts";
import { faultWords, lossSentence } from "./faults.ts";
import { becauseWords, LEVEL_COLUMNS, levelWords } from "./capacity.ts";
import { besidesOf, latenciesOf } from "./latencies.ts";
import { byGravity, relativeMs, rerunOf, standingOf, summarise, verdictWord, type Standing } from "./summary.ts";
import { cut, formatDuration, formatMs, formatNumber, formatRate, formatShare, oneLine, visible } from "./text.ts";

/** Failures with details: more are not read in a comment. */
const DETAILS_MAX = 10;
/** A comment at GitHub holds 65,536 characters; table, details and notes get a share each, the head needs the rest. */
const TABLE_CHARACTERS_MAX = 20_000;
const DETAILS_CHARACTERS_MAX = 24_000;
const NOTES_CHARACTERS_MAX = 6_000;
const STEPS_MAX = 20;
const FRAME_CHARACTERS_MAX = 400;
const TEXT_CHARACTERS_MAX = 300;

const MARKS = {
  fail: "❌",
  stale: "❌",
  inconclusive: "❔",
  warning: "⚠️",
  known: "🔸",
  pass: "✅",
  reported: "ℹ️",
  skipped: "➖",
} as const satisfies Record<Standing, string>;

/** A compact comment for a pull request. Text from the target never becomes markup, a mention or a reference. */
export function renderMarkdown(result: Result): string {
  const summary = summarise(result);
  const attention = byGravity(result.requirements).filter((requirement) =>
    ["fail", "stale", "inconclusive", "warning", "known"].includes(standingOf(requirement)),
  );
  const blocks = [
    `### ${MARKS[result.verdict]} Rollcall ${result.command}: ${verdictWord(result.verdict).toLowerCase()}${result.interrupted ? " (interrupted, partial)" : ""}`,
    `${summary.sentence} ${result.requirements.length === 0 ? "" : `Judged ${summary.judged} of ${summary.total}.`}`.trim(),
    `${code(result.binding)} at ${code(result.target.name)}${result.target.mutant === undefined ? "" : `, mutant ${code(result.target.mutant)}`} · profile ${result.profile} · seed ${code(result.seed)} · ${formatDuration(result.durationMs)}`,
    ...bullets(result.harness.inconclusiveBecause.map((why) => `- ❔ ${plain(why)}`)),
    ...(attention.length === 0 ? [] : [attentionTable(attention)]),
    ...within(
      attention
        .filter((requirement) => requirement.witness !== undefined && standingOf(requirement) !== "known")
        .slice(0, DETAILS_MAX)
        .map((requirement) => details(result, requirement)),
      DETAILS_CHARACTERS_MAX,
    ),
    ...(result.capacity === undefined ? [] : [capacityTable(result.capacity)]),
    ...(result.load === undefined ? [] : [loadTable(result.load)]),
    ...bullets(result.notes.map((note) => `- ${plain(note)}`)),
    fence(cut(oneLine(result.rerun), 1_000), "sh"),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** The first parts that fit together. */
function within(parts: readonly string[], charactersMax: number): readonly string[] {
  let characters = 0;
  return parts.filter((part) => (characters += part.length) <= charactersMax);
}

function bullets(lines: readonly string[]): readonly string[] {
  const shown = within(lines, NOTES_CHARACTERS_MAX);
  const more = lines.length > shown.length ? [`- … and ${lines.length - shown.length} more in the report`] : [];
  return lines.length === 0 ? [] : [[...shown, ...more].join("\n")];
}

function attentionTable(requirements: readonly RequirementResult[]): string {
  const rows = requirements.map((requirement) => {
    const standing = standingOf(requirement);
    const seen =
      standing === "known" ? `known until ${requirement.known?.until ?? ""}: ${requirement.known?.because ?? ""}` : requirement.observed;
    return `| ${MARKS[standing]} | ${code(requirement.id)} | ${requirement.level} | ${prose(requirement.statement)} | ${plain(seen)} |`;
  });
  const shown = within(rows, TABLE_CHARACTERS_MAX);
  const more = rows.length > shown.length ? `\n\n… and ${rows.length - shown.length} more in the report.` : "";
  return `| | Requirement | Level | What must hold | Observed |\n|---|---|---|---|---|\n${shown.join("\n")}${more}`;
}

function details(result: Result, requirement: RequirementResult): string {
  const witness = requirement.witness;
  if (witness === undefined) return "";
  const first = witness.steps[0]?.atMs ?? 0;
  const steps = witness.steps.slice(-STEPS_MAX).map((step) => {
    const frame = step.frame === undefined ? "" : `\n      ${cut(oneLine(step.frame), FRAME_CHARACTERS_MAX)}`;
    return `${step.isBad === true ? "✗" : " "} ${relativeMs(step.atMs, first)} ms  ${cut(oneLine(step.from), 40)} -> ${cut(oneLine(step.to), 40)}  ${cut(oneLine(step.label), 120)}${frame}`;
  });
  return [
    `<details><summary>${code(requirement.id, "html")} ${witness.reason}</summary>`,
    `- **Expected**: ${plain(witness.expected)}\n- **Seen**: ${plain(witness.seen)}\n- **Source**: ${plain(requirement.source)}`,
    ...(steps.length === 0 ? [] : [fence(steps.join("\n"), "text")]),
    fence(cut(oneLine(rerunOf(result, requirement)), 1_000), "sh"),
    "</details>",
  ].join("\n\n");
}

function capacityTable(capacity: CapacityResult): string {
  const marks = { met: MARKS.pass, failed: MARKS.fail, inconclusive: MARKS.inconclusive } as const;
  const rows = capacity.levels
    .toSorted((left, right) => left.at - right.at)
    .map(
      (level) =>
        `| ${marks[level.outcome]} | ${LEVEL_COLUMNS.map(([, , cell]) => cell(level)).join(" | ")} | ${level.phase}${level.because.length === 0 ? "" : `: ${plain(becauseWords(level.because))}`} |`,
    );
  const level = capacity.answer === undefined ? undefined : capacity.levels[capacity.answer.level];
  return [
    `| | ${LEVEL_COLUMNS.map(([head]) => head).join(" | ")} | |\n|---|${LEVEL_COLUMNS.map(() => "--:|").join("")}---|\n${rows.join("\n")}`,
    ...(capacity.kneeAt === undefined ? [] : [`Knee of latency at ${levelWords(capacity.by, capacity.kneeAt)}.`]),
    ...(level === undefined ? [] : [`This level again:\n\n${fence(cut(oneLine(level.rerun), 1_000), "sh")}`]),
  ].join("\n\n");
}

function loadTable(load: LoadResult): string {
  const rows = latenciesOf(load).map(
    ({ name, figures }) => `| ${name} | ${[figures.p50, figures.p95, figures.p99, figures.p999, figures.max].map(formatMs).join(" | ")} |`,
  );
  const besides = besidesOf(load);
  const missed = load.objectives
    .slice(0, 20)
    .filter((objective) => objective.verdict !== "pass")
    .map(
      (objective) =>
        `- ${MARKS[objective.verdict]} objective ${code(objective.name)}: wanted ${plain(objective.wanted)}, got ${plain(objective.got)}`,
    );
  return [
    `**${plain(load.scenario)}**: ${formatNumber(load.clients)} clients in ${formatNumber(load.rooms)} rooms for ${formatDuration(load.durationMs)}, ${formatNumber(load.delivered)} of ${formatNumber(load.expected)} deliveries (reach ${formatShare(load.reach)}), ${formatRate(load.achievedPerSecond)} of ${formatRate(load.plannedPerSecond)} sends a second, ${formatNumber(load.late)} late, ${formatNumber(load.unsent)} unsent, ${formatNumber(load.dropped)} dropped${besides.length === 0 ? "" : `; ${besides.join(", ")}`}`,
    `| | p50 | p95 | p99 | p99.9 | max |\n|---|--:|--:|--:|--:|--:|\n${rows.join("\n")}`,
    ...(load.faults === undefined ? [] : [faultsTable(load.faults)]),
    ...(missed.length === 0 ? [] : [missed.join("\n")]),
  ].join("\n\n");
}

/** Faults that a comment has room for. */
const FAULTS_MAX = 20;

function faultsTable(result: FaultsResult): string {
  const rows = result.faults.slice(0, FAULTS_MAX).map((fault, index) => {
    const { number, what, whom, at, lasted, noticed, detected, recovered } = faultWords(fault, index);
    return `| ${[number, what, whom, at, lasted, noticed, detected, recovered].map(plain).join(" | ")} |`;
  });
  const more = result.faults.length - rows.length;
  return [
    `Faults (${plain(result.plan)}): ${plain(lossSentence(result))}`,
    `| # | fault | whom | at | lasted | noticed by | detected after | recovered after |\n|--:|---|---|--:|--:|--:|--:|--:|\n${rows.join("\n")}`,
    ...(more > 0 ? [`… and ${more} more.`] : []),
  ].join("\n\n");
}

/** Running text: one line, no markup, no mention, no reference, no link. */
function plain(text: string): string {
  return cut(oneLine(text), TEXT_CHARACTERS_MAX)
    .replace(/[\\`*_{}[\]()#+!|~$]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/@(?=\w)/g, "@<!-- -->")
    .replace(/#(?=\d)/g, "#<!-- -->")
    .replace(/(https?|www)(?=[:.])/gi, "$1<!-- -->");
}

/** `plain`, but that words between backticks stay code, as requirement texts have them. */
function prose(text: string): string {
  return cut(oneLine(text), TEXT_CHARACTERS_MAX)
    .split(/(`[^`|\\]+`)/)
    .map((part, index) => (index % 2 === 1 ? part : plain(part)))
    .join("");
}

/** A code span that also holds in a table cell. `html` where Markdown is not read, as in a summary. */
function code(text: string, kind: "markdown" | "html" = "markdown"): string {
  const line = cut(oneLine(text), 120) || " ";
  const safe = line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  if (kind === "html" || /[`|]/.test(line))
    return `<code>${safe.replace(/[\\`*_[\]|#@$~]/g, (character) => `&#${character.charCodeAt(0)};`)}</code>`;
  return `\`${line}\``;
}

/** A fenced block; its fence is longer than any run of backticks within. */
function fence(text: string, language: string): string {
  const safe = visible(text);
  const longest = Math.max(2, ...Array.from(safe.matchAll(/`+/g), (run) => run[0].length));
  const mark = "`".repeat(longest + 1);
  return `${mark}${language}\n${safe}\n${mark}`;
}
