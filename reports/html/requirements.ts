import type { RequirementResult, Result } from "../../src/core/result.ts";
import { byGravity, relativeMs, rerunOf, standingOf, type Standing } from "../summary.ts";
import { cut, oneLine } from "../text.ts";
import { markup, prose, type Markup } from "./markup.ts";
import { sequence } from "./sequence.ts";

/** Failures that stand open when the page loads; the rest opens at a click. */
const OPEN_MAX = 3;
/** Raw frames shown for one requirement. */
const FRAMES_MAX = 40;
const FRAME_CHARACTERS_MAX = 2_000;

/** The word for a standing as a filter and in a row. */
export const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  fail: "failed",
  stale: "stale",
  inconclusive: "inconclusive",
  warning: "warning",
  known: "known",
  pass: "passed",
  reported: "reported",
  skipped: "skipped",
};

/** A small sign of a standing, so that colour is never the only sign. */
export function sign(standing: Standing): Markup {
  return markup`<svg class="sign ${standing}" viewBox="0 0 16 16" aria-hidden="true"><use href="#sign-${standing}"/></svg>`;
}

/** The page's anchor of a requirement: its id where that is a plain one. */
export function anchorOf(requirement: RequirementResult, index: number): string {
  return /^[A-Z0-9-]{3,40}$/.test(requirement.id) ? requirement.id : `requirement-${index}`;
}

/** Every requirement as a row that opens, the gravest first, with filters above. Works without scripts, unfiltered. */
export function requirementSection(result: Result): Markup | undefined {
  if (result.requirements.length === 0) return undefined;
  const anchors = new Map(result.requirements.map((requirement, index) => [requirement, anchorOf(requirement, index)]));
  const rows = byGravity(result.requirements);
  const open = new Set(rows.filter((requirement) => standingOf(requirement) === "fail").slice(0, OPEN_MAX));
  const standings = [...new Set(rows.map(standingOf))];
  const categories = [...new Set(result.requirements.map((requirement) => requirement.category))];
  const levels = [...new Set(result.requirements.map((requirement) => requirement.level))];
  return markup`<section aria-labelledby="requirements-title">
<div class="heading"><h2 id="requirements-title">Requirements</h2><p class="shown" id="shown" aria-live="polite"></p></div>
<form class="filters" id="filters" role="search" hidden>
<input type="search" name="text" placeholder="Filter by id or words" aria-label="Filter by id or words" autocomplete="off" spellcheck="false">
<div class="selects"><select name="category" aria-label="Category"><option value="">Every category</option>${categories.map((category) => markup`<option>${category}</option>`)}</select>
<select name="level" aria-label="Level"><option value="">Every level</option>${levels.map((level) => markup`<option>${level}</option>`)}</select></div>
<div class="chips" role="group" aria-label="Verdict">${standings.map((standing) => markup`<button type="button" class="chip ${standing}" data-standing="${standing}" aria-pressed="false">${sign(standing)}${STANDING_WORDS[standing]}</button>`)}</div>
</form>
<div class="rows">${rows.map((requirement) => row(result, requirement, anchors.get(requirement) ?? "", open.has(requirement)))}</div>
<p class="none" id="none" hidden>No requirement fits the filter.</p>
</section>`;
}

function row(result: Result, requirement: RequirementResult, anchor: string, isOpen: boolean): Markup {
  const standing = standingOf(requirement);
  return markup`<details class="row ${standing}" id="${anchor}" data-standing="${standing}" data-category="${requirement.category}" data-level="${requirement.level}"${isOpen ? markup` open` : undefined}>
<summary>${sign(standing)}<span class="id">${requirement.id}</span><span class="what"><span class="statement">${prose(requirement.statement)}</span><span class="observed">${requirement.observed}</span></span><span class="tags"><span class="standing ${standing}">${STANDING_WORDS[standing]}</span><span>${requirement.level}</span><span>${requirement.category}</span></span></summary>
<div class="body">${evidence(requirement)}
<dl class="facts">
<div><dt>Source</dt><dd>${requirement.source}</dd></div>
<div><dt>Judged by</dt><dd>${requirement.cases.length === 0 ? "no case" : requirement.cases.join(", ")}</dd></div>
${requirement.reasons.length === 0 ? undefined : markup`<div><dt>Broken as</dt><dd>${requirement.reasons.join(", ")}</dd></div>`}
${requirement.known === undefined ? undefined : markup`<div><dt>Known failure</dt><dd>${requirement.known.because}, until ${requirement.known.until} (${requirement.known.state})</dd></div>`}
</dl>
${command("Run again", rerunOf(result, requirement))}</div>
</details>`;
}

function evidence(requirement: RequirementResult): Markup | undefined {
  const witness = requirement.witness;
  if (witness === undefined) return undefined;
  const framed = witness.steps.filter((step) => step.frame !== undefined).slice(-FRAMES_MAX);
  const first = witness.steps[0]?.atMs ?? 0;
  return markup`<div class="compare"><div><h3>Expected</h3><p>${witness.expected}</p></div><div class="seen"><h3>Seen <span class="reason">${witness.reason}</span></h3><p>${witness.seen}</p></div></div>
${sequence(witness.steps)}
${framed.length === 0 ? undefined : markup`<details class="frames"><summary>Raw frames (${framed.length})</summary><ol>${framed.map((step) => markup`<li${step.isBad === true ? markup` class="bad"` : undefined}><p>${relativeMs(step.atMs, first)} ms, ${oneLine(step.from)} to ${oneLine(step.to)}</p><pre>${cut(step.frame ?? "", FRAME_CHARACTERS_MAX)}</pre></li>`)}</ol></details>`}`;
}

/** A command line to copy. */
export function command(title: string, line: string): Markup {
  return markup`<div class="command"><span class="title">${title}</span><code>${oneLine(line)}</code><button type="button" class="copy" hidden>Copy</button></div>`;
}
