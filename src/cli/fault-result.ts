import type { Binding } from "../core/binding.ts";
import type { CheckerOutcome, Property } from "../core/checker.ts";
import type { FaultResult, FaultSeen } from "../core/fault.ts";
import type { FaultsResult, LoadResult } from "../core/result.ts";
import type { Verdict } from "../core/verdict.ts";
import type { ShardResult } from "../engines/node/shard-types.ts";
import type { RecordedFaults } from "../recording/index.ts";

/** What was to go wrong in a run, and what of it could not be done. */
export interface JudgedFaults extends RecordedFaults {
  /** Why faults could not be carried out or undone, by id. */
  readonly failures: Readonly<Record<string, string>>;
}

type Objective = LoadResult["objectives"][number];

const round = (ms: number): number => Math.round(ms);

/** What all shards saw of one fault: it is found by the first client, and over for all when it is over for the last. */
function merged(planned: JudgedFaults["planned"][number], seen: readonly FaultSeen[], failure: string | undefined): FaultResult {
  const { kind, what, whom } = planned;
  const detects = seen.flatMap(({ detectMs }) => detectMs ?? []);
  const recovers = seen.flatMap(({ recoverMs }) => recoverMs ?? []);
  return {
    kind,
    what,
    whom,
    beginMs: round(Math.min(...seen.map(({ beginMs }) => beginMs))),
    endMs: round(Math.max(...seen.map(({ endMs }) => endMs))),
    noticedBy: seen.reduce((sum, { noticedBy }) => sum + noticedBy, 0),
    ...(detects.length === 0 ? {} : { detectMs: round(Math.min(...detects)) }),
    ...(recovers.length < seen.length ? {} : { recoverMs: round(Math.max(...recovers)) }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** The faults of a run with what came of them. */
export function faultsOf(
  { plan, planned, failures }: JudgedFaults,
  binding: Pick<Binding, "manifest">,
  shards: readonly ShardResult[],
  outcomes: ReadonlyMap<Property, CheckerOutcome>,
): FaultsResult {
  const judge = binding.manifest.judges.kept;
  const kept = outcomes.get("kept");
  return {
    plan,
    faults: planned.flatMap((each) => {
      const seen = shards.flatMap(({ faults }) => faults?.filter(({ fault }) => fault === each.id) ?? []);
      return seen.length === 0 ? [] : [merged(each, seen, failures[String(each.id)])];
    }),
    upset: shards.reduce((sum, { upset }) => sum + (upset ?? 0), 0),
    missing: shards.reduce((sum, { missing }) => sum + (missing ?? 0), 0),
    looked: kept?.judged ?? 0,
    lost: kept?.broken.lost ?? 0,
    doubled: kept?.broken.doubled ?? 0,
    ...(judge === undefined ? {} : { requirement: typeof judge === "string" ? judge : judge.otherwise }),
  };
}

/** What a server must do whatever the plan: all come back, agree again, and nothing that was confirmed is gone. */
export function faultObjectives({ faults, missing, lost, doubled, looked }: FaultsResult, doubts: readonly string[]): readonly Objective[] {
  const over = faults.filter(({ failure }) => failure === undefined);
  const recovered = over.filter(({ recoverMs }) => recoverMs !== undefined).length;
  // A harness that fell behind may have looked too late.
  const late: Verdict = doubts.length > 0 ? "inconclusive" : "fail";
  return [
    {
      name: "clients back after faults",
      wanted: "all",
      got: missing === 0 ? "all" : `${missing} never`,
      verdict: missing === 0 ? "pass" : "fail",
    },
    {
      name: "faults recovered from",
      wanted: `${faults.length}`,
      got: `${recovered}`,
      verdict: faults.length === 0 ? "inconclusive" : recovered === faults.length ? "pass" : over.length < faults.length ? "fail" : late,
    },
    {
      name: "confirmed and lost",
      wanted: "0",
      got: looked === 0 ? "not looked at" : `${lost}${doubled === 0 ? "" : `, and ${doubled} twice`}`,
      verdict: lost + doubled > 0 ? "fail" : looked === 0 ? "inconclusive" : "pass",
    },
  ];
}

/** Faults that could not be carried out or undone. */
export function faultNotes(faults: FaultsResult | undefined): readonly string[] {
  return (faults?.faults ?? []).flatMap(({ what, failure }) => (failure === undefined ? [] : [`fault ${what}: ${failure}`]));
}
