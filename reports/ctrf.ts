import type { RequirementResult, Result } from "../src/core/result.ts";
import { capacitySentences, levelHead, levelLine, levelWords } from "./capacity.ts";
import { durationMsOf, relativeMs, rerunOf, standingOf, type Standing } from "./summary.ts";
import { visible } from "./text.ts";

type CtrfStatus = "passed" | "failed" | "skipped" | "pending" | "other";

const STATUS = {
  pass: "passed",
  fail: "failed",
  stale: "failed",
  warning: "passed",
  inconclusive: "other",
  known: "other",
  reported: "other",
  skipped: "skipped",
} as const satisfies Record<Standing, CtrfStatus>;

interface CtrfTest {
  readonly name: string;
  readonly status: CtrfStatus;
  readonly duration: number;
  readonly suite: readonly [string, ...string[]];
  readonly rawStatus: string;
  readonly message?: string;
  readonly trace?: string;
  readonly tags?: readonly string[];
  readonly extra?: object;
}

/** CTRF 1.0.0 (Common Test Report Format, https://ctrf.io): one test a requirement, then the objectives of a load run. */
export function renderCtrf(result: Result): string {
  const tests = [
    ...result.requirements.map((requirement) => ofRequirement(result, requirement)),
    ...ofCapacity(result),
    ...ofObjectives(result),
  ];
  const amount = (status: CtrfStatus): number => tests.filter((test) => test.status === status).length;
  const parsed = Date.parse(result.startedAt);
  const start = Number.isNaN(parsed) ? 0 : parsed;
  const stop = Math.round(start + Math.max(0, result.durationMs));
  const document = {
    reportFormat: "CTRF",
    specVersion: "1.0.0",
    timestamp: new Date(stop).toISOString(),
    generatedBy: `rollcall ${visible(result.version)}`,
    results: {
      tool: { name: "rollcall", version: visible(result.version) },
      summary: {
        tests: tests.length,
        passed: amount("passed"),
        failed: amount("failed"),
        skipped: amount("skipped"),
        pending: amount("pending"),
        other: amount("other"),
        suites: new Set(tests.map((test) => test.suite.join("/"))).size,
        start,
        stop,
        duration: stop - start,
      },
      tests,
      environment: {
        appName: visible(result.target.name),
        testEnvironment: visible(result.target.url),
        extra: {
          binding: visible(result.binding),
          dialect: visible(result.dialect),
          profile: result.profile,
          seed: visible(result.seed),
          timeScale: result.target.timeScale,
        },
      },
      extra: {
        verdict: result.verdict,
        exitCode: result.exitCode,
        rerun: visible(result.rerun),
        notes: result.notes.map(visible),
        interrupted: result.interrupted,
        harness: { ...result.harness, inconclusiveBecause: result.harness.inconclusiveBecause.map(visible) },
      },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function ofRequirement(result: Result, requirement: RequirementResult): CtrfTest {
  const standing = standingOf(requirement);
  const witness = requirement.witness;
  const first = witness?.steps[0]?.atMs ?? 0;
  return {
    name: visible(`${requirement.id} ${requirement.statement}`),
    status: STATUS[standing],
    duration: Math.round(durationMsOf(result, requirement)),
    suite: [visible(result.binding) || "rollcall", requirement.category],
    rawStatus: standing,
    ...(standing === "pass" ? {} : { message: visible(requirement.observed) }),
    ...(witness === undefined
      ? {}
      : {
          trace: [
            `expected: ${witness.expected}`,
            `seen: ${witness.seen}`,
            ...witness.steps.map(
              (step) =>
                `${relativeMs(step.atMs, first)} ms ${step.from} -> ${step.to}: ${step.label}${step.isBad === true ? "   <-- here" : ""}`,
            ),
          ]
            .map(visible)
            .join("\n"),
        }),
    tags: [requirement.level, requirement.category, ...requirement.reasons],
    extra: {
      id: visible(requirement.id),
      level: requirement.level,
      source: visible(requirement.source),
      cases: requirement.cases.map(visible),
      rerun: visible(rerunOf(result, requirement)),
      ...(requirement.known === undefined
        ? {}
        : {
            known: { because: visible(requirement.known.because), until: visible(requirement.known.until), state: requirement.known.state },
          }),
    },
  };
}

/** A search is one test: whether a level was found that holds. */
function ofCapacity({ capacity, exitCode, verdict, binding }: Result): readonly CtrfTest[] {
  if (capacity === undefined) return [];
  return [
    {
      name: visible(`${capacity.scenario} holds at least ${levelWords(capacity.by, capacity.from)}`),
      status: exitCode === 0 ? "passed" : exitCode === 1 ? "failed" : "other",
      duration: 0,
      suite: [visible(binding) || "rollcall", "capacity"],
      rawStatus: verdict,
      message: capacitySentences(capacity).join(" "),
      trace: [levelHead(), ...capacity.levels.map(levelLine)].join("\n"),
      extra: { answer: capacity.answer?.at ?? null, limit: capacity.limit.kind, kneeAt: capacity.kneeAt ?? null },
    },
  ];
}

function ofObjectives(result: Result): readonly CtrfTest[] {
  return (result.load?.objectives ?? []).map((objective) => ({
    name: visible(`objective ${objective.name}`),
    status: STATUS[objective.verdict],
    duration: 0,
    suite: [visible(result.binding) || "rollcall", "objectives"],
    rawStatus: objective.verdict,
    message: visible(`wanted ${objective.wanted}, got ${objective.got}`),
  }));
}
