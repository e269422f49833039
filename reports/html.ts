import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { HARNESS_BOUNDS } from "../src/core/harness-bounds.ts";
import type { LoadResult, Result } from "../src/core/result.ts";
import { capacityChart, capacityFigures, capacitySection } from "./html/capacity.ts";
import { chartData, headFigures, loadSection } from "./html/load.ts";
import { dataBlock, markup, raw, type Markup } from "./html/markup.ts";
import { anchorOf, command, requirementSection, sign, STANDING_WORDS } from "./html/requirements.ts";
import { PAGE_SCRIPT } from "./html/script.ts";
import { PAGE_STYLE } from "./html/style.ts";
import { standingOf, summarise, verdictWord, type Standing, type Summary } from "./summary.ts";
import { formatBytes, formatDuration, formatInstant, formatMs, formatNumber, formatRate, oneLine } from "./text.ts";

/**
 * The report as one HTML file that needs nothing else: style, script and the chart library are inside, and its policy
 * lets neither a request out nor any other script run (each inline block is named by its hash).
 */
export function renderHtml(result: Result): string {
  const summary = summarise(result);
  const charts = {
    ...(result.load === undefined || result.load.series.length === 0 ? {} : { load: chartData(result.load) }),
    ...(result.capacity === undefined || result.capacity.levels.length === 0 ? {} : { capacity: capacityChart(result.capacity) }),
  };
  const hasCharts = Object.keys(charts).length > 0;
  const scripts = hasCharts ? [chartLibrary(), PAGE_SCRIPT] : [PAGE_SCRIPT];
  const policy = `default-src 'none'; script-src ${scripts.map(hashSource).join(" ")}; style-src ${hashSource(PAGE_STYLE)}; base-uri 'none'; form-action 'none'`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${verdictWord(result.verdict)}: ${oneLine(result.target.name)}, Rollcall ${result.command}</title>
<style>${raw(PAGE_STYLE)}</style>
</head>
<body>
${SIGNS}
<header class="top"><span class="brand"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1 1h6v6H1zM9 1h6v6H9zM1 9h6v6H1z"/><path d="M9.8 9.8h4.4v4.4H9.8z" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>Rollcall</span><span>${result.command}, binding ${result.binding}, profile ${result.profile}</span><time>${formatInstant(result.startedAt)}</time></header>
<main>
${verdictSection(result, summary)}
${result.harness.inconclusiveBecause.length === 0 ? undefined : markup`<ul class="notices">${result.harness.inconclusiveBecause.map((why) => markup`<li>${why}</li>`)}</ul>`}
${result.notes.length === 0 ? undefined : markup`<ul class="notices notes">${result.notes.map((note) => markup`<li>${note}</li>`)}</ul>`}
${result.capacity === undefined ? undefined : capacitySection(result.capacity)}
${requirementSection(result)}
${result.load === undefined ? undefined : loadSection(result.load)}
${runSection(result)}
</main>
<footer>Rollcall ${result.version}. The same seed gives the same workload, identities and faults, not the same scheduling inside the server.</footer>
${hasCharts ? dataBlock("chart-data", charts) : undefined}
${scripts.map((script) => markup`<script>${raw(script)}</script>`)}
</body>
</html>
`.text;
}

const COUNTED: readonly Standing[] = ["fail", "stale", "inconclusive", "warning", "known", "pass", "reported", "skipped"];

function verdictSection(result: Result, summary: Summary): Markup {
  const target = markup`<p class="target"><b>${result.target.name}</b> at ${result.target.url}${result.target.mutant === undefined ? undefined : markup`, with the mutant <b>${result.target.mutant}</b>`}</p>`;
  const roll = markup`<ul class="roll" aria-label="Every requirement, in the order of the catalogue">${result.requirements.map(
    (requirement, index) => {
      const standing = standingOf(requirement);
      return markup`<li><a class="${standing}" href="#${anchorOf(requirement, index)}" title="${requirement.id}: ${STANDING_WORDS[standing]}" aria-label="${requirement.id}: ${STANDING_WORDS[standing]}"></a></li>`;
    },
  )}</ul>
<p class="counts"><span class="judged"><b>${summary.judged}</b> of <b>${summary.total}</b> judged</span>${COUNTED.filter((standing) => summary.counts[standing] > 0).map((standing) => markup`<span>${sign(standing)}<b>${summary.counts[standing]}</b> ${STANDING_WORDS[standing]}</span>`)}</p>`;
  return markup`<section class="verdict">${target}
<h1>${sign(result.verdict)}${verdictWord(result.verdict)}${result.interrupted ? markup` <span class="partial">interrupted, partial</span>` : undefined}</h1>
<p class="lead">${summary.sentence}</p>
${result.requirements.length === 0 ? undefined : roll}
${result.capacity !== undefined ? capacityFigures(result.capacity) : result.load === undefined ? undefined : headFigures(result.load)}
</section>`;
}

function runSection(result: Result): Markup {
  const { harness, load } = result;
  const facts: readonly (readonly [string, string])[] = [
    ["Target", `${result.target.name}, ${result.target.url}`],
    ...(result.replicas ?? []).map(
      ({ name, url, clients }, index) => [name ?? `Replica ${index + 1}`, `${url}, ${clients} clients`] as const,
    ),
    ["Binding", `${result.binding}, dialect ${result.dialect}`],
    ["Profile", result.profile],
    ["Seed", result.seed],
    ["Server timers", result.target.timeScale === 1 ? "real time" : `${formatRate(result.target.timeScale)} times faster`],
    ["Took", formatDuration(result.durationMs)],
    ["Exit code", String(result.exitCode)],
    [
      "Harness loop lag",
      `p99 ${formatMs(harness.loopLagMsP99)}${harness.loopLagMsMax === undefined ? "" : `, max ${formatMs(harness.loopLagMsMax)}`}; p99 at most ${formatMs(HARNESS_BOUNDS.loopLagMsP99)}`,
    ],
    [
      "Harness processor",
      `${formatNumber(harness.cpu * 100)}% of one core, busiest process; at most ${formatNumber(HARNESS_BOUNDS.cpu * 100)}%`,
    ],
    ...(load === undefined ? [] : paceFacts(load)),
    ...(harness.gc === undefined
      ? []
      : [
          [
            "Harness GC pauses",
            `${formatNumber(harness.gc.count)}, ${formatMs(harness.gc.totalMs)} in all, longest ${formatMs(harness.gc.maxMs)}; at most ${formatMs(HARNESS_BOUNDS.gcMsMax)}`,
          ] as const,
        ]),
    ["Harness memory", formatBytes(harness.residentBytes)],
    ["Harness workers", formatNumber(harness.workers)],
    ["Harness kept up", harness.inconclusiveBecause.length === 0 ? "yes" : "no"],
  ];
  return markup`<section aria-labelledby="run-title"><div class="heading"><h2 id="run-title">Run and harness</h2></div>
<dl class="facts wide">${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
<h3>How to run this again</h3>${command("$", result.rerun)}</section>`;
}

/** How well the plan of a load run was kept, each figure with its bound. */
function paceFacts(load: LoadResult): readonly (readonly [string, string])[] {
  const planned = Math.max(1, load.sent + load.unsent + load.dropped);
  const bound = (share: number): string => `at most ${formatNumber(share * 100)}%`;
  const { lateShare, droppedShare, sendLagMs } = HARNESS_BOUNDS;
  return [
    ["Offered, achieved", `${formatRate(load.plannedPerSecond)} and ${formatRate(load.achievedPerSecond)} acts a second`],
    [
      "Late or unsent",
      `${formatNumber(load.late)} later than ${formatMs(sendLagMs)}, ${formatNumber(load.unsent)} never, of ${formatNumber(planned)}; ${bound(lateShare)}`,
    ],
    ["Dropped", `${formatNumber(load.dropped)} acts of clients that were not in their rooms; ${bound(droppedShare)}`],
    [
      "Send lag",
      `p50 ${formatMs(load.sendLagMs.p50)}, p99 ${formatMs(load.sendLagMs.p99)}, max ${formatMs(load.sendLagMs.max)}, within every latency above`,
    ],
  ];
}

/** The signs of the standings, drawn once and used by name. */
const SIGNS: Markup = markup`<svg class="hide" aria-hidden="true"><defs>
<symbol id="sign-pass" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7.5" fill="currentColor" opacity=".16"/><path d="M4.6 8.3l2.4 2.4 4.5-5" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-fail" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7.5" fill="currentColor"/><path class="knock" d="M5.4 5.4l5.2 5.2m0-5.2l-5.2 5.2" fill="none" stroke="var(--surface)" stroke-width="1.8" stroke-linecap="round"/></symbol>
<symbol id="sign-stale" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.7" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M8 4.6V8l2.3 1.6" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-inconclusive" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7.5" fill="currentColor" opacity=".18"/><path d="M5.9 6.3a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.7-.9 1.4M8 11.9v.1" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-warning" viewBox="0 0 16 16"><path d="M8 1.6l6.9 12.2H1.1z" fill="currentColor" opacity=".2" stroke="currentColor" stroke-width="1" stroke-linejoin="round"/><path d="M8 6v3.6M8 11.7v.1" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/></symbol>
<symbol id="sign-known" viewBox="0 0 16 16"><path d="M3.4 14.4V1.8h8.8l-2 3.2 2 3.2H3.4" fill="currentColor" fill-opacity=".2" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/></symbol>
<symbol id="sign-reported" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7.5" fill="currentColor" opacity=".16"/><path d="M8 7.3v4.1M8 4.7v.1" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/></symbol>
<symbol id="sign-skipped" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.8" fill="none" stroke="currentColor" stroke-width="1.2" stroke-dasharray="2.4 2.2"/><path d="M5.4 8h5.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/></symbol>
</defs></svg>`;

let library: string | undefined;

/** Chart.js as one script; its package exports no path to the bundle, which lies beside the entry. */
function chartLibrary(): string {
  if (library === undefined) {
    const entry = createRequire(import.meta.url).resolve("chart.js");
    const source = readFileSync(join(dirname(entry), "chart.umd.min.js"), "utf8");
    library = source
      .replace(/\r\n?/g, "\n")
      .replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n")
      .replaceAll("</script", "<\\/script");
  }
  return library;
}

function hashSource(text: string): string {
  return `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;
}
