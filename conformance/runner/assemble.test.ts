import { expect, test } from "vitest";
import type { Phase } from "../../src/core/case.ts";
import { requirementId } from "../../src/core/ids.ts";
import type { Reason } from "../../src/core/reason.ts";
import type { Requirement } from "../../src/core/requirement.ts";
import type { RequirementResult } from "../../src/core/result.ts";
import { assembleResults, type Gathered } from "./assemble.ts";
import type { CaseRow, RowPart } from "./row.ts";

const id = requirementId("PLAY-HB-01");
const base: Requirement = {
  id,
  level: "MUST",
  category: "heartbeat",
  part: "server",
  reach: "wire",
  basis: "stated",
  statement: "",
  check: "",
  source: "",
};

function part(change: Partial<RowPart> = {}): RowPart {
  return { id, judged: 1, broken: {}, breaches: [], notes: [], inconclusive: [], ...change };
}

function broke(reason: Reason): RowPart {
  return part({ broken: { [reason]: 1 }, breaches: [{ reason, expected: "life", seen: "death", witness: [] }] });
}

function row(parts: readonly RowPart[], change: Partial<CaseRow> = {}): CaseRow {
  const end = change.end ?? "ran";
  const because = end === "ran" ? "" : "it could not";
  return { name: "case/one", title: "", phase: "shared", end, because, startedAt: 100, endedAt: 200, parts, ...change };
}

function resultOf(rows: readonly CaseRow[], change: Partial<Gathered> = {}, requirement: Partial<Requirement> = {}): RequirementResult {
  const [result] = assembleResults({
    requirements: [{ ...base, ...requirement }],
    ids: new Set([id]),
    rows,
    gated: new Map(),
    planned: new Set([id]),
    profile: "mvp",
    cutShortBecause: undefined,
    death: undefined,
    ...change,
  });
  if (result === undefined) throw new Error("no result");
  return result;
}

test("a capability that is declared off and was seen is a warning at what needs it", () => {
  const off = { gated: new Map([[id, "capability presence is off"]]), planned: new Set<typeof id>() };
  const needs = { needs: ["presence"] };
  expect(resultOf([row([])], off, needs)).toMatchObject({ verdict: "skipped" });
  expect(resultOf([{ ...row([]), shown: ["presence"] }], off, needs)).toMatchObject({ verdict: "warning", cases: [], reasons: [] });
  expect(resultOf([{ ...row([]), shown: ["host"] }], off, needs)).toMatchObject({ verdict: "skipped" });
});

test("a requirement passes when it was judged and nothing broke", () => {
  expect(resultOf([row([part({ judged: 2 })]), row([part()], { name: "case/two" })])).toMatchObject({
    verdict: "pass",
    observed: "held in 3 judgements of 2 cases",
    cases: ["case/one", "case/two"],
  });
});

test("one breach in one case fails it, whatever else passed or could not be judged", () => {
  expect(resultOf([row([part()]), row([broke("early")]), row([part({ inconclusive: ["no"] })])])).toMatchObject({
    verdict: "fail",
    reasons: ["early"],
    witness: { reason: "early" },
  });
});

test("levels follow the profile", () => {
  const breach = [row([broke("early")])];
  expect(resultOf(breach, {}, { level: "SHOULD" }).verdict).toBe("warning");
  expect(resultOf(breach, { profile: "strict" }, { level: "SHOULD" }).verdict).toBe("fail");
  expect(resultOf(breach, {}, { basis: "review" }).verdict).toBe("warning");
  expect(resultOf(breach, { profile: "production" }, { basis: "review" }).verdict).toBe("fail");
  expect(resultOf(breach, {}, { level: "MAY" }).verdict).toBe("reported");
});

test("what was not observed is never a pass", () => {
  expect(resultOf([row([part({ judged: 0 })])])).toMatchObject({ verdict: "inconclusive", observed: "case/one judged nothing" });
  expect(resultOf([row([part()]), row([part({ judged: 0 })], { end: "precondition" })]).verdict).toBe("inconclusive");
  expect(resultOf([row([part()], { end: "overran" })]).verdict).toBe("inconclusive");
  expect(resultOf([]).verdict).toBe("inconclusive");
  expect(resultOf([], { planned: new Set() })).toMatchObject({ verdict: "inconclusive", observed: "no case judges it" });
});

test("a case that broke the requirement before it lost its ground has found something", () => {
  expect(resultOf([row([broke("early")], { end: "precondition" })]).verdict).toBe("fail");
});

test("a note alone skips what is judged, and reports what is only shown", () => {
  const noted = [row([part({ judged: 0, notes: ["host is off"] })])];
  expect(resultOf(noted)).toMatchObject({ verdict: "skipped", observed: "host is off" });
  expect(resultOf(noted, {}, { reported: "no failing side" })).toMatchObject({ verdict: "reported", observed: "host is off" });
});

test("what is gated, client-only or without a case is skipped with the reason", () => {
  const none = { planned: new Set<typeof id>() };
  expect(resultOf([], { ...none, gated: new Map([[id, "capability presence is off"]]) })).toMatchObject({
    verdict: "skipped",
    observed: "capability presence is off",
  });
  expect(resultOf([], none, { noCase: { kind: "needs", capability: "setup", because: "no hook" } })).toMatchObject({
    verdict: "skipped",
    observed: "needs setup: no hook",
  });
  expect(resultOf([], none, { part: "client" }).verdict).toBe("skipped");
});

test("a harness that lost time makes timed cases inconclusive, passed and failed alike, and leaves the others alone", () => {
  const late = { phase: "quiet", loopLagMsP99: 251 } as const;
  expect(resultOf([row([part()], late)])).toMatchObject({
    verdict: "inconclusive",
    observed: "the harness lost time: event-loop lag p99 251 ms while case/one ran",
  });
  expect(resultOf([row([broke("early")], late)]).verdict).toBe("inconclusive");
  expect(resultOf([row([broke("early")], late), row([broke("early")])]).verdict).toBe("fail");
  expect(resultOf([row([part()])]).verdict).toBe("pass");
});

test("a lag that the tolerance of a timed case absorbs spoils latencies alone", () => {
  const lag = { phase: "quiet", loopLagMsP99: 51 } as const;
  expect(resultOf([row([part()], lag)]).verdict).toBe("pass");
  expect(resultOf([row([part()], lag)], {}, { category: "latency" }).verdict).toBe("inconclusive");
});

test("after a server's death failures mean nothing, but the death itself fails its requirement", () => {
  const breach = { reason: "crashed", expected: "life", seen: "exit code 1" } as const;
  const other = requirementId("PLAY-ROB-01");
  const dead = (phases: readonly Phase[], of = other, at = 150): Partial<Gathered> => ({
    death: { at, id: of, breach, phases },
    cutShortBecause: "the server died",
  });
  expect(resultOf([row([broke("early")])], dead(["shared"])).verdict).toBe("inconclusive");
  expect(resultOf([row([broke("early")])], dead(["shared"], other, 300)).verdict).toBe("fail");
  expect(resultOf([row([broke("early")])], dead(["exclusive"])).verdict).toBe("fail");
  expect(resultOf([], dead(["shared"], id))).toMatchObject({ verdict: "fail", reasons: ["crashed"] });
});

test("requirements that nobody asked for are left out", () => {
  expect(
    assembleResults({
      requirements: [base],
      ids: new Set(),
      rows: [],
      gated: new Map(),
      planned: new Set(),
      profile: "mvp",
      cutShortBecause: undefined,
      death: undefined,
    }),
  ).toEqual([]);
});
