import type { CapacityLevel, CapacityResult } from "../../src/core/capacity.ts";
import { becauseWords, formatLevel, LEVEL_COLUMNS, levelWords } from "../capacity.ts";
import { formatDuration, formatMs, formatNumber, formatRate } from "../text.ts";
import { markup, type Markup } from "./markup.ts";
import { command, sign } from "./requirements.ts";

/** What the page's script draws of a search: the levels from the lowest to the highest. */
export interface CapacityChart {
  readonly by: string;
  readonly levels: readonly {
    readonly at: number;
    readonly outcome: CapacityLevel["outcome"];
    readonly p50: number;
    readonly p99: number;
    readonly throughput: number;
  }[];
  readonly answerAt: number | null;
  readonly kneeAt: number | null;
}

/** Runs of one level stand as one point, the last of them: a confirming window is the longer look. */
export function capacityChart({ levels, by, answer, kneeAt }: CapacityResult): CapacityChart {
  const last = new Map(levels.map((level) => [level.at, level]));
  return {
    by: by === "rate" ? "writes a second and client" : "clients",
    levels: [...last.values()]
      .toSorted((left, right) => left.at - right.at)
      .map(({ at, outcome, deliveryMs, deliveredPerSecond }) => ({
        at,
        outcome,
        p50: deliveryMs.p50,
        p99: deliveryMs.p99,
        throughput: deliveredPerSecond,
      })),
    answerAt: answer?.at ?? null,
    kneeAt: kneeAt ?? null,
  };
}

const SIGNS = { met: "pass", failed: "fail", inconclusive: "inconclusive" } as const;
const LIMITS = { server: "the server", harness: "the harness", asked: "the range asked for", open: "not met" } as const;

/** The figures that stand in the head of a search's page. */
export function capacityFigures(capacity: CapacityResult): Markup {
  const { answer, by, limit, levels, kneeAt } = capacity;
  const level = answer === undefined ? undefined : levels[answer.level];
  const unit = by === "rate" ? "writes a second and client" : "clients";
  const limitAt = limit.kind === "open" ? "" : `at ${formatLevel(limit.at)}`;
  return markup`<dl class="figures">
<div class="${answer === undefined ? "fail" : ""}"><dt>Holds</dt><dd>${answer === undefined ? "–" : formatLevel(answer.at)}<small>${unit}</small></dd></div>
<div><dt>Confirmed</dt><dd>${level === undefined || answer?.isConfirmed !== true ? "no" : formatDuration(level.durationMs)}<small>${formatNumber(levels.length)} levels tried</small></dd></div>
<div><dt>Delivered</dt><dd>${level === undefined ? "–" : `${formatRate(level.deliveredPerSecond)}/s`}<small>${level === undefined ? "" : `${formatRate(level.achievedPerSecond)}/s sent`}</small></dd></div>
<div><dt>Delivery p99</dt><dd>${level === undefined ? "–" : formatMs(level.deliveryMs.p99)}<small>${level === undefined ? "" : `p50 ${formatMs(level.deliveryMs.p50)}`}</small></dd></div>
<div><dt>Limit</dt><dd>${limitAt === "" ? "–" : limitAt.slice(3)}<small>${LIMITS[limit.kind]}</small></dd></div>
<div><dt>Knee</dt><dd>${kneeAt === undefined ? "–" : formatLevel(kneeAt)}<small>${kneeAt === undefined ? "not in sight" : "most throughput for its latency"}</small></dd></div>
</dl>`;
}

/** The curve of latency against load, and every level. */
export function capacitySection(capacity: CapacityResult): Markup {
  const { answer, levels, by, from, to, holdMs } = capacity;
  const level = answer === undefined ? undefined : levels[answer.level];
  return markup`<section aria-labelledby="capacity-title">
<div class="heading"><h2 id="capacity-title">Capacity</h2><p>${capacity.scenario}, ${formatLevel(from)} to ${levelWords(by, to)}, ${formatDuration(holdMs)} each</p></div>
${
  levels.length === 0
    ? undefined
    : markup`<figure class="chart"><figcaption>Latency against load <small>ms, logarithmic; the load as ${by === "rate" ? "writes a second and client" : "clients"}</small></figcaption><div class="plot tall"><canvas id="chart-capacity" role="img" aria-label="Latency against load"></canvas></div></figure>`
}
<h3>Levels in the order they were tried</h3>
<div class="scroll"><table class="levels"><thead><tr>${LEVEL_COLUMNS.map(([head]) => markup`<th scope="col">${head}</th>`)}<th scope="col">Outcome</th></tr></thead><tbody>${levels.map(levelRow)}</tbody></table></div>
${level === undefined ? undefined : markup`<h3>The level that holds, again</h3>${command("$", level.rerun)}`}
</section>`;
}

function levelRow(level: CapacityLevel): Markup {
  const standing = SIGNS[level.outcome];
  const why = level.because.length === 0 ? undefined : markup`<small>${becauseWords(level.because)}</small>`;
  return markup`<tr>${LEVEL_COLUMNS.map(([, , cell]) => markup`<td>${cell(level)}</td>`)}<td><span class="standing ${standing}">${sign(standing)}${level.outcome}</span> <small>${level.phase}${level.phase === "confirm" ? `, ${formatDuration(level.durationMs)}` : ""}</small>${why}</td></tr>`;
}
