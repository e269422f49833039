/**
 * The Node API: what the command line itself uses.
 *
 * ```ts
 * import { check } from "rollcall";
 * const result = await check({ target: "playback" });
 * if (result.verdict !== "pass") console.log(result.requirements.filter(({ verdict }) => verdict === "fail"));
 * ```
 */
export { capacity, type CapacityOptions } from "./cli/capacity.ts";
export { check, type CheckOptions, type CheckProgress } from "./cli/check.ts";
export { load, type LoadOptions, type LoadProgress } from "./cli/load.ts";
export { recheck, type Rechecked, type RecheckOptions } from "./cli/recheck.ts";
export type { CapacityLevel, CapacityLimit, CapacityResult } from "./core/capacity.ts";
export { HarnessError, type HarnessErrorCode } from "./core/errors.ts";
export type { Reason } from "./core/reason.ts";
export type { Category, Level, Profile } from "./core/requirement.ts";
export type { GcPauses, HarnessResult, LoadResult, RequirementResult, Result, ResultWitness, SeriesPoint } from "./core/result.ts";
export type { Verdict } from "./core/verdict.ts";
export { readResult, renderCtrf, renderHtml, renderJUnit, renderMarkdown, renderTerminal, writeReports } from "../reports/index.ts";
