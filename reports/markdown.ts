import type { LoadResult, RequirementResult, Result } from "../src/core/result.ts";
import { byGravity, relativeMs, rerunOf, standingOf, summarise, verdictWord, type Standing } from "./summary.ts";
import { cut, formatDuration, formatMs, formatNumber, formatRate, formatShare, oneLine, visible } from "./text.ts";

/** Failures with details; a comment on a pull request may hold 65,536 characters and is read by people. */
const DETAILS_MAX = 10;
const STEPS_MAX = 20;
const FRAME_CHARACTERS_MAX = 400;
/** Any text of the target's, so that the whole stays well under the limit of a comment. */
const TEXT_CHARACTERS_MAX = 400;

const MARKS = { fail: "❌", stale: "❌", inconclusive: "❔", warning: "⚠️", known: "🔸", pass: "✅", reported: "ℹ️", skipped: "➖" } as const satisfies Record<Standing, string>;

/** A compact comment for a pull request. Text from the target never becomes markup, a mention or a reference. */
export function renderMarkdown(result: Result): string {
  const summary = summarise(result);
  const attention = byGravity(result.requirements).filter((requirement) => ["fail", "stale", "inconclusive", "warning", "known"].includes(standingOf(requirement)));
  const blocks = [
    `### ${MARKS[result.verdict]} Rollcall ${result.command}: ${verdictWord(result.verdict).toLowerCase()}${result.interrupted ? " (interrupted, partial)" : ""}`,
    `${summary.sentence} ${result.requirements.length === 0 ? "" : `Judged ${summary.judged} of ${summary.total}.`}`.trim(),
    `${code(result.binding)} at ${code(result.target.name)}${result.target.mutant === undefined ? "" : `, mutant ${code(result.target.mutant)}`} · profile ${result.profile} · seed ${code(result.seed)} · ${formatDuration(result.durationMs)}`,
    ...(result.harness.inconclusiveBecause.length === 0 ? [] : [result.harness.inconclusiveBecause.map((why) => `- ❔ ${plain(why)}`).join("\n")]),
    ...(attention.length === 0 ? [] : [attentionTable(attention)]),
    ...attention.filter((requirement) => requirement.witness !== undefined && standingOf(requirement) !== "known").slice(0, DETAILS_MAX).map((requirement) => details(result, requirement)),
    ...(result.load === undefined ? [] : [loadTable(result.load)]),
    ...(result.notes.length === 0 ? [] : [result.notes.slice(0, 10).map((note) => `- ${plain(note)}`).join("\n")]),
    fence(oneLine(result.rerun), "sh"),
  ];
  return `${blocks.join("\n\n")}\n`;
}

const ATTENTION_MAX = 40;

function attentionTable(requirements: readonly RequirementResult[]): string {
  const rows = requirements.slice(0, ATTENTION_MAX).map((requirement) => {
    const standing = standingOf(requirement);
    const seen = standing === "known" ? `known until ${requirement.known?.until ?? ""}: ${requirement.known?.because ?? ""}` : requirement.observed;
    return `| ${MARKS[standing]} | ${code(requirement.id)} | ${requirement.level} | ${prose(requirement.statement)} | ${plain(seen)} |`;
  });
  const more = requirements.length > ATTENTION_MAX ? `\n\n… and ${requirements.length - ATTENTION_MAX} more in the report.` : "";
  return `| | Requirement | Level | What must hold | Observed |\n|---|---|---|---|---|\n${rows.join("\n")}${more}`;
}

function details(result: Result, requirement: RequirementResult): string {
  const witness = requirement.witness;
  if (witness === undefined) return "";
  const first = witness.steps[0]?.atMs ?? 0;
  const steps = witness.steps.slice(-STEPS_MAX).map((step) => {
    const frame = step.frame === undefined ? "" : `\n      ${cut(oneLine(step.frame), FRAME_CHARACTERS_MAX)}`;
    return `${step.isBad === true ? "✗" : " "} ${relativeMs(step.atMs, first)} ms  ${oneLine(step.from)} -> ${oneLine(step.to)}  ${cut(oneLine(step.label), 120)}${frame}`;
  });
  return [
    `<details><summary>${code(requirement.id, "html")} ${witness.reason}</summary>`,
    `- **Expected**: ${plain(witness.expected)}\n- **Seen**: ${plain(witness.seen)}\n- **Source**: ${plain(requirement.source)}`,
    ...(steps.length === 0 ? [] : [fence(steps.join("\n"), "text")]),
    fence(oneLine(rerunOf(result, requirement)), "sh"),
    "</details>",
  ].join("\n\n");
}

function loadTable(load: LoadResult): string {
  const rows = ([["delivery", load.deliveryMs], ["convergence", load.convergenceMs], ["spread", load.spreadMs], ["join", load.joinMs]] as const)
    .filter(([, figures]) => figures.count > 0)
    .map(([name, figures]) => `| ${name} | ${[figures.p50, figures.p95, figures.p99, figures.p999, figures.max].map(formatMs).join(" | ")} |`);
  const missed = load.objectives.filter((objective) => objective.verdict !== "pass").map((objective) => `- ${MARKS[objective.verdict]} objective ${code(objective.name)}: wanted ${plain(objective.wanted)}, got ${plain(objective.got)}`);
  return [
    `**${plain(load.scenario)}**: ${formatNumber(load.clients)} clients in ${formatNumber(load.rooms)} rooms for ${formatDuration(load.durationMs)}, ${formatNumber(load.delivered)} of ${formatNumber(load.expected)} deliveries (reach ${formatShare(load.reach)}), ${formatRate(load.achievedPerSecond)} of ${formatRate(load.plannedPerSecond)} sends a second`,
    `| | p50 | p95 | p99 | p99.9 | max |\n|---|--:|--:|--:|--:|--:|\n${rows.join("\n")}`,
    ...(missed.length === 0 ? [] : [missed.join("\n")]),
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
  return oneLine(text)
    .split(/(`[^`|\\]+`)/)
    .map((part, index) => (index % 2 === 1 ? part : plain(part)))
    .join("");
}

/** A code span that also holds in a table cell. `html` where Markdown is not read, as in a summary. */
function code(text: string, kind: "markdown" | "html" = "markdown"): string {
  const line = cut(oneLine(text), 120) || " ";
  const safe = line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  if (kind === "html" || /[`|]/.test(line)) return `<code>${safe.replace(/[\\`*_[\]|#@$~]/g, (character) => `&#${character.charCodeAt(0)};`)}</code>`;
  return `\`${line}\``;
}

/** A fenced block; its fence is longer than any run of backticks within. */
function fence(text: string, language: string): string {
  const safe = visible(text);
  const longest = Math.max(2, ...Array.from(safe.matchAll(/`+/g), (run) => run[0].length));
  const mark = "`".repeat(longest + 1);
  return `${mark}${language}\n${safe}\n${mark}`;
}
