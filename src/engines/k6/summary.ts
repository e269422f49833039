import { PROPERTIES, type CheckerOutcome, type Property } from "../../core/checker.ts";
import type { Histogram, LatencyFigures } from "../../core/histogram.ts";
import type { Objectives } from "../../core/scenario.ts";
import { REASONS, type Reason } from "../../core/reason.ts";
import type { CountName, TimeName } from "./metric-names.ts";
import type { VuReport } from "./report.ts";

/** What k6 hands to `handleSummary`, as far as it is read. */
export interface K6Summary {
  readonly metrics: Readonly<Record<string, { readonly values: Readonly<Record<string, number>> } | undefined>>;
}

const FIGURES = { p50: "p(50)", p90: "p(90)", p95: "p(95)", p99: "p(99)", p999: "p(99.9)", max: "max" } as const;

/**
 * All VUs of a process as one report, out of k6's own metrics: no VU can see another, and `handleSummary` sees none. It
 * has everything but witnesses and seconds, and its percentiles, which are k6's over all samples, can not be merged
 * further.
 */
export function reportOf({ metrics }: K6Summary, clients: number): VuReport {
  const count = (name: CountName, tags = ""): number => metrics[`${name}${tags}`]?.values["count"] ?? 0;
  const time = (name: TimeName): string => encodeFigures(metrics[name]?.values ?? {});
  const most = (name: TimeName): number => metrics[name]?.values["max"] ?? 0;
  const outcomes = PROPERTIES.map((property): CheckerOutcome => {
    const broken: Partial<Record<Reason, number>> = {};
    for (const reason of REASONS) {
      const times = count("rollcall_broken", brokenTags(property, reason));
      if (times > 0) broken[reason] = times;
    }
    const isOpen = count("rollcall_inconclusive", propertyTags(property)) > 0;
    return {
      property,
      judged: count("rollcall_judged", propertyTags(property)),
      broken,
      findings: [],
      ...(isOpen ? { inconclusiveBecause: "a VU met a bound; its log says which" } : {}),
    };
  });
  return {
    part: { index: 0, count: 1 },
    result: {
      clients,
      rooms: count("rollcall_rooms"),
      outcomes,
      sent: count("rollcall_sent"),
      planned: count("rollcall_planned"),
      late: count("rollcall_late"),
      dropped: count("rollcall_dropped"),
      refusedJoins: count("rollcall_refused_joins"),
      firstFailure: count("rollcall_refused_joins") > 0 ? "its VU's log says why" : undefined,
      joinMs: time("rollcall_join_ms"),
      confirmMs: time("rollcall_confirm_ms"),
      readMs: time("rollcall_read_ms"),
      actMs: most("rollcall_act_ms"),
      loopLagMsP99: most("rollcall_loop_lag_ms"),
      cpu: 0,
      residentBytes: 0,
      interrupted: false,
      pace: {
        unsent: count("rollcall_unsent"),
        sendLagMs: time("rollcall_send_lag_ms"),
        loopLagMsMax: most("rollcall_loop_lag_ms"),
        gc: { count: 0, totalMs: 0, maxMs: 0 },
      },
    },
    deliveryMs: time("rollcall_delivery_ms"),
    convergenceMs: time("rollcall_convergence_ms"),
    spreadMs: time("rollcall_spread_ms"),
    delivered: count("rollcall_delivered"),
    expected: count("rollcall_expected"),
    recognised: 0,
  };
}

/** VUs that have handed over what they found. */
export function vusOf({ metrics }: K6Summary): number {
  return metrics["rollcall_vus"]?.values["count"] ?? 0;
}

function propertyTags(property: Property): string {
  return `{property:${property}}`;
}

function brokenTags(property: Property, reason: Reason): string {
  return `{property:${property},reason:${reason}}`;
}

/**
 * Thresholds of k6: the scenario's objectives, no breach of a requirement that counts as a MUST, and those that always
 * hold, by which k6 is made to tell a metric by its tags.
 */
export function thresholdsOf(
  objectives: Objectives,
  judged: readonly Property[],
  musts: readonly string[],
  vus: number,
): Readonly<Record<string, readonly string[]>> {
  const told = judged.flatMap((property) => [
    `rollcall_judged${propertyTags(property)}`,
    `rollcall_inconclusive${propertyTags(property)}`,
    ...REASONS.map((reason) => `rollcall_broken${brokenTags(property, reason)}`),
  ]);
  return {
    ...Object.fromEntries(told.map((name) => [name, ["count>=0"]])),
    ...Object.fromEntries(musts.map((id) => [`rollcall_broken{requirement:${id}}`, ["count==0"]])),
    ...(objectives.deliveryMsP99 === undefined ? {} : { rollcall_delivery_ms: [`p(99)<=${objectives.deliveryMsP99}`] }),
    ...(objectives.convergenceMsP99 === undefined ? {} : { rollcall_convergence_ms: [`p(99)<=${objectives.convergenceMsP99}`] }),
    ...(objectives.reach === 1 ? { rollcall_lost: ["count==0"] } : {}),
    ...(objectives.violations === undefined ? {} : { rollcall_broken: [`count<=${objectives.violations}`] }),
    rollcall_vus: [`count>=${vus > 0 ? 1 : 0}`],
  };
}

const FIGURES_HEAD = "figures1;";

function encodeFigures(values: Readonly<Record<string, number>>): string {
  const at = (name: string): number => Math.round((values[name] ?? 0) * 100) / 100;
  const figures = Object.fromEntries(Object.entries(FIGURES).map(([name, stat]) => [name, at(stat)]));
  return FIGURES_HEAD + JSON.stringify({ ...figures, count: values["count"] ?? 0 });
}

/** A histogram that holds the figures of one that k6 kept: it takes one of them, and answers for the percentiles of reports only. */
export function createFiguresHistogram(): Histogram {
  let figures: LatencyFigures = { count: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0 };
  return {
    record: () => undefined,
    get count() {
      return figures.count;
    },
    percentileMs: (p) => (p <= 50 ? figures.p50 : p <= 90 ? figures.p90 : p <= 95 ? figures.p95 : p <= 99 ? figures.p99 : figures.p999),
    get maxMs() {
      return figures.max;
    },
    encode: () => FIGURES_HEAD + JSON.stringify(figures),
    merge: (encoded) => {
      if (encoded.startsWith(FIGURES_HEAD)) figures = JSON.parse(encoded.slice(FIGURES_HEAD.length)) as LatencyFigures;
    },
  };
}
