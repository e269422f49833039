import type { LatencyFigures } from "../../src/core/histogram.ts";
import type { LoadResult, SeriesPoint } from "../../src/core/result.ts";
import { formatDuration, formatMs, formatNumber, formatRate, formatShare } from "../text.ts";
import { besidesOf, latenciesOf, type Latency } from "../latencies.ts";
import { type ChartFault, chartFaults, faultsTable } from "./faults.ts";
import { markup, type Markup } from "./markup.ts";
import { sign, STANDING_WORDS } from "./requirements.ts";

/** Points of one chart; more are merged, so that a soak of a day stays a small page. */
const POINTS_MAX = 600;

/** What the page's script draws. */
export interface ChartData {
  /** Drawn as bands behind every chart over time. */
  readonly faults: readonly ChartFault[];
  readonly series: readonly SeriesPoint[];
  readonly percentiles: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const figuresRow = (figures: LatencyFigures): readonly number[] => [
  figures.p50,
  figures.p90,
  figures.p95,
  figures.p99,
  figures.p999,
  figures.max,
];

export function chartData(load: LoadResult): ChartData {
  const percentiles = latenciesOf(load).map(({ name, figures }) => ({ name, values: figuresRow(figures) }));
  return { series: thin(load.series), percentiles, faults: load.faults === undefined ? [] : chartFaults(load.faults) };
}

/** At most POINTS_MAX points: the worst second of each stretch for latencies and lag, the mean for rates. */
export function thin(series: readonly SeriesPoint[]): readonly SeriesPoint[] {
  const stretch = Math.ceil(series.length / POINTS_MAX);
  if (stretch <= 1) return series;
  return Array.from({ length: Math.ceil(series.length / stretch) }, (_, index) => {
    const part = series.slice(index * stretch, (index + 1) * stretch);
    const worst = (pick: (point: SeriesPoint) => number): number => part.reduce((most, point) => Math.max(most, pick(point)), 0);
    const mean = (pick: (point: SeriesPoint) => number): number =>
      Math.round(part.reduce((sum, point) => sum + pick(point), 0) / part.length);
    return {
      t: part[0]?.t ?? 0,
      clients: worst((point) => point.clients),
      sent: mean((point) => point.sent),
      delivered: mean((point) => point.delivered),
      deliveryMsP50: worst((point) => point.deliveryMsP50),
      deliveryMsP99: worst((point) => point.deliveryMsP99),
      loopLagMs: worst((point) => point.loopLagMs),
    };
  });
}

/** The figures that stand in the head of a load run's page. */
export function headFigures(load: LoadResult): Markup {
  const missing = load.expected - load.delivered;
  return markup`<dl class="figures">
<div><dt>Clients</dt><dd>${formatNumber(load.clients)}<small>in ${formatNumber(load.rooms)} rooms</small></dd></div>
<div class="${missing === 0 ? "" : "fail"}"><dt>Delivered</dt><dd>${formatNumber(load.delivered)}<small>${missing === 0 ? "every one expected" : `of ${formatNumber(load.expected)} expected`}</small></dd></div>
<div class="${missing === 0 ? "" : "fail"}"><dt>Reach</dt><dd>${formatShare(load.reach)}<small>${missing > 0 ? `${formatNumber(missing)} missing` : missing < 0 ? `${formatNumber(-missing)} too many` : "none missing"}</small></dd></div>
<div><dt>Delivery p99</dt><dd>${formatMs(load.deliveryMs.p99)}<small>p50 ${formatMs(load.deliveryMs.p50)}</small></dd></div>
<div><dt>Convergence p99</dt><dd>${formatMs(load.convergenceMs.p99)}<small>p50 ${formatMs(load.convergenceMs.p50)}</small></dd></div>
<div><dt>Sent</dt><dd>${formatRate(load.achievedPerSecond)}/s<small>${formatRate(load.plannedPerSecond)}/s planned, ${formatNumber(load.late)} late</small></dd></div>
</dl>`;
}

export function loadSection(load: LoadResult): Markup {
  const besides = besidesOf(load);
  const latencies = latenciesOf(load);
  const stretch = Math.ceil(load.series.length / POINTS_MAX);
  return markup`<section aria-labelledby="load-title">
<div class="heading"><h2 id="load-title">Load</h2><p>${load.scenario}, ${formatDuration(load.durationMs)}</p></div>
${load.objectives.length === 0 ? undefined : markup`<h3>Objectives</h3><div class="scroll"><table class="objectives"><thead><tr><th scope="col">Objective</th><th scope="col">Wanted</th><th scope="col">Got</th><th scope="col">Verdict</th></tr></thead><tbody>${load.objectives.map((objective) => markup`<tr><th scope="row">${objective.name}</th><td>${objective.wanted}</td><td>${objective.got}</td><td><span class="standing ${objective.verdict}">${sign(objective.verdict)}${STANDING_WORDS[objective.verdict]}</span></td></tr>`)}</tbody></table></div>`}
${load.faults === undefined ? undefined : faultsTable(load.faults)}
<h3>Latency</h3>
${besides.length === 0 ? undefined : markup`<p class="small">Beside the writes: ${besides.join(", ")}.</p>`}
${latencies.length === 0 ? markup`<p class="small">Nothing was timed.</p>` : markup`<div class="scroll"><table class="latency"><thead><tr><th scope="col">Milliseconds</th>${["count", "p50", "p90", "p95", "p99", "p99.9", "max"].map((head) => markup`<th scope="col">${head}</th>`)}</tr></thead><tbody>${latencies.map(latencyRow)}</tbody></table></div>`}
${
  load.series.length === 0
    ? undefined
    : markup`<div class="charts" id="charts">
${chart("delivery", "Delivery latency", "ms, per second of the run")}
${chart("percentiles", "Latency by percentile", "ms, logarithmic")}
${chart("rate", "Sent and delivered", "messages a second")}
${chart("clients", "Clients", "connected")}
${chart("lag", "Harness loop lag", "ms, per second of the run")}
</div>${stretch > 1 ? markup`<p class="small">Each point covers ${stretch} seconds and shows the worst of them for latencies, the mean for rates.</p>` : undefined}`
}
</section>`;
}

function latencyRow({ name, note, figures }: Latency): Markup {
  const cells = figuresRow(figures).map((value) => formatMs(value).replace(" ms", ""));
  return markup`<tr><th scope="row">${name}<small>${note}</small></th><td>${formatNumber(figures.count)}</td>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>`;
}

function chart(id: string, title: string, unit: string): Markup {
  return markup`<figure class="chart"><figcaption>${title} <small>${unit}</small></figcaption><div class="plot"><canvas id="chart-${id}" role="img" aria-label="${title}"></canvas></div></figure>`;
}
