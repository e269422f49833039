import type { Breach, Phase } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import type { Reason } from "../../src/core/reason.ts";
import { effectiveLevel, type Profile, type Requirement } from "../../src/core/requirement.ts";
import type { RequirementResult } from "../../src/core/result.ts";
import { brokenVerdict, type Verdict } from "../../src/core/verdict.ts";
import { isBroken, type CaseRow, type RowPart } from "./row.ts";

/** A server that ended while it was judged. */
export interface Death {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The requirement that it breaks; undefined when the catalogue has none for it. */
  readonly id: RequirementId | undefined;
  readonly breach: Breach;
  /** Phases whose cases ran on that server. */
  readonly phases: readonly Phase[];
}

/** What the verdicts are made from. */
export interface Gathered {
  readonly requirements: readonly Requirement[];
  /** Those asked for. */
  readonly ids: ReadonlySet<RequirementId>;
  readonly rows: readonly CaseRow[];
  /** Why a requirement is skipped, such as a capability that is off. */
  readonly gated: ReadonlyMap<RequirementId, string>;
  /** Requirements that some case was to judge, whether it has ended or not. */
  readonly planned: ReadonlySet<RequirementId>;
  readonly profile: Profile;
  /** Why cases have no row: the run was interrupted, or the server died. Undefined when all ran. */
  readonly cutShortBecause: string | undefined;
  /** Failures of cases that ended after the server had died are of no meaning. */
  readonly death: Death | undefined;
}

/** a latency in milliseconds means nothing beyond this lag. */
const LATENCY_LAG_MS_MAX = 50;

/** Other timed checks have tolerances of 250 ms or more, at every time scale; a lag below that they absorb. */
const TIMED_LAG_MS_MAX = 250;

/** The lag beyond which a timed case says nothing about a requirement of this category. */
function lagMsMax(category: Requirement["category"]): number {
  return category === "latency" ? LATENCY_LAG_MS_MAX : TIMED_LAG_MS_MAX;
}

/** Whether what the part found may be the harness's own lateness. */
export function isSpoilt({ loopLagMsP99 = 0 }: CaseRow, part: RowPart, { category }: Pick<Requirement, "category">): boolean {
  return loopLagMsP99 > lagMsMax(category) && (part.judged > 0 || isBroken(part));
}

/** One result a requirement asked for, in the order of the catalogue. */
export function assembleResults(gathered: Gathered): readonly RequirementResult[] {
  return gathered.requirements.filter((each) => gathered.ids.has(each.id)).map((each) => resultOf(each, gathered));
}

interface Told {
  readonly row: CaseRow;
  readonly part: RowPart;
}

function resultOf(requirement: Requirement, gathered: Gathered): RequirementResult {
  const told: Told[] = [];
  for (const row of gathered.rows) {
    for (const part of row.parts) if (part.id === requirement.id) told.push({ row, part: weigh(row, part, requirement, gathered) });
  }
  const death = gathered.death;
  const isDeath = death !== undefined && death.id === requirement.id;
  const parts = told.map((each) => each.part);
  const breaches = isDeath ? [death.breach] : parts.flatMap((part) => part.breaches);
  const reasons = new Set<Reason>(isDeath ? [death.breach.reason] : []);
  for (const part of parts) for (const reason of Object.keys(part.broken) as Reason[]) reasons.add(reason);
  const gate = gated(requirement, gathered);
  const { verdict, observed } = gate ?? verdictOf(requirement, gathered, told, breaches, reasons.size > 0);
  const worst = smallest(breaches);
  return {
    id: requirement.id,
    level: effectiveLevel(requirement, gathered.profile),
    category: requirement.category,
    statement: requirement.statement,
    source: requirement.source,
    verdict,
    observed,
    cases: gate === undefined ? told.map((each) => each.row.name) : [],
    reasons: gate === undefined ? [...reasons].sort() : [],
    ...(worst === undefined || gate !== undefined
      ? {}
      : { witness: { reason: worst.reason, expected: worst.expected, seen: worst.seen, steps: worst.witness ?? [] } }),
  };
}

/** A timed case under a late harness, or one that ended after the server had died, has judged nothing. */
function weigh(row: CaseRow, part: RowPart, requirement: Requirement, gathered: Gathered): RowPart {
  const unjudged = (because: string): RowPart => ({ ...part, judged: 0, broken: {}, breaches: [], inconclusive: [because] });
  const { death } = gathered;
  if (death !== undefined && death.phases.includes(row.phase) && isBroken(part) && row.endedAt > death.at && death.id !== requirement.id) {
    return unjudged("the server died while it was judged");
  }
  if (isSpoilt(row, part, requirement))
    return unjudged(`the harness lost time: event-loop lag p99 ${(row.loopLagMsP99 ?? 0).toFixed(0)} ms while ${row.name} ran`);
  if (part.inconclusive.length > 0 || isBroken(part)) return part;
  if (row.end !== "ran") return { ...part, inconclusive: [`${row.name}: ${row.because}`] };
  if (part.judged === 0 && part.notes.length === 0) return { ...part, inconclusive: [`${row.name} judged nothing`] };
  return part;
}

function gated(requirement: Requirement, gathered: Gathered): { verdict: Verdict; observed: string } | undefined {
  const skipped = (observed: string): { verdict: Verdict; observed: string } => ({ verdict: "skipped", observed });
  if (gathered.death !== undefined && gathered.death.id === requirement.id) return undefined;
  const off = gathered.gated.get(requirement.id);
  const shown = requirement.needs?.find((name) => gathered.rows.some((row) => row.shown?.includes(name) === true));
  if (off !== undefined && shown !== undefined)
    return { verdict: "warning", observed: `capability ${shown} is declared off, and was seen` };
  if (off !== undefined) return skipped(off);
  if (gathered.planned.has(requirement.id)) return undefined;
  const why = requirement.noCase;
  if (why !== undefined) return skipped(why.kind === "needs" ? `needs ${why.capability}: ${why.because}` : `${why.kind}: ${why.because}`);
  if (requirement.part === "client") return skipped("client-only: no client is under test");
  return { verdict: "inconclusive", observed: "no case judges it" };
}

function verdictOf(
  requirement: Requirement,
  gathered: Gathered,
  told: readonly Told[],
  breaches: readonly Breach[],
  broke: boolean,
): { verdict: Verdict; observed: string } {
  const parts = told.map((each) => each.part);
  const notes = [...new Set(parts.flatMap((part) => part.notes))];
  const withNotes = (text: string): string => [text, ...notes].filter((each) => each !== "").join("; ");
  const judged = parts.reduce((sum, part) => sum + part.judged, 0);
  const open = [...new Set(parts.flatMap((part) => part.inconclusive))];
  if (broke) {
    const times = parts.reduce((sum, part) => sum + Object.values(part.broken).reduce((one, two) => one + two, 0), 0);
    const first = smallest(breaches);
    const what = first === undefined ? "" : `${first.reason}: expected ${first.expected}; seen: ${first.seen}`;
    return {
      verdict: brokenVerdict(requirement, gathered.profile),
      observed: withNotes(times > 1 ? `${what} (broke ${times} times in ${judged} judgements)` : what),
    };
  }
  if (requirement.reported !== undefined) {
    if (notes.length > 0 || judged > 0) return { verdict: "reported", observed: withNotes("") };
    return { verdict: "inconclusive", observed: open.join("; ") || (gathered.cutShortBecause ?? "nothing was shown") };
  }
  if (open.length > 0) return { verdict: "inconclusive", observed: withNotes(open.join("; ")) };
  if (judged > 0) {
    const ended = new Set(told.map((each) => each.row.name)).size;
    return {
      verdict: "pass",
      observed: withNotes(`held in ${judged} judgement${judged === 1 ? "" : "s"} of ${ended} case${ended === 1 ? "" : "s"}`),
    };
  }
  if (notes.length > 0) return { verdict: "skipped", observed: notes.join("; ") };
  return { verdict: "inconclusive", observed: gathered.cutShortBecause ?? "its case gave no result" };
}

/** The breach with the smallest witness that has one, else the first. */
function smallest(breaches: readonly Breach[]): Breach | undefined {
  const shown = breaches.filter((breach) => breach.witness !== undefined && breach.witness.length > 0);
  return shown.toSorted((left, right) => (left.witness?.length ?? 0) - (right.witness?.length ?? 0))[0] ?? breaches[0];
}
