import { join, relative } from "node:path";
import { renderTerminal, writeReports } from "../reports/index.ts";
import { check } from "../src/cli/check.ts";
import { onInterrupt } from "../src/cli/interrupt.ts";
import { load } from "../src/cli/load.ts";
import { createProgress, wantsColour } from "../src/cli/progress.ts";
import { showCheck, showLoad } from "../src/cli/run.ts";
import { HarnessError } from "../src/core/errors.ts";
import type { Result } from "../src/core/result.ts";

/**
 * `npm start`: the main job on the embedded stack. A conformance check of the playback server, then 20 s of a watch
 * party with 500 clients in 50 rooms, each with a DID of its own, and every delivery checked.
 */
const OUT = "rollcall-report";
const PARTY = { clients: 500, rooms: 50, ratePerSecond: 1, durationMs: 20_000 } as const;

const progress = createProgress(process.stdout);
const interrupt = onInterrupt((text) => progress.line(text));

async function show(result: Result, folder: string): Promise<string> {
  progress.end();
  const paths = await writeReports(result, join(OUT, folder));
  progress.line(renderTerminal(result, { colour: wantsColour() }).trimEnd());
  progress.line("");
  return relative(".", paths.html);
}

try {
  progress.line("1 of 2  conformance check of the playback reference server");
  const checked = await check({ target: "playback", onProgress: showCheck(progress), signal: interrupt.signal });
  const checkReport = await show(checked, "check");
  progress.line(`2 of 2  watch-party: ${PARTY.clients} clients in ${PARTY.rooms} rooms for ${PARTY.durationMs / 1_000} s`);
  const loaded = await load({
    scenario: "watch-party",
    target: "playback",
    parameters: PARTY,
    onProgress: showLoad(progress),
    signal: interrupt.signal,
  });
  const loadReport = await show(loaded, "load");
  progress.line(`check: ${checked.verdict}   load: ${loaded.verdict}`);
  progress.line(`reports: ${checkReport}\n         ${loadReport}`);
  process.exitCode = checked.exitCode === 0 ? loaded.exitCode : checked.exitCode;
} catch (error) {
  progress.end();
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  if (process.env["ROLLCALL_DEBUG"] === "1") console.error(error);
  process.exitCode =
    error instanceof HarnessError && error.code === "usage" ? 2 : error instanceof HarnessError && error.code === "unreachable" ? 3 : 5;
} finally {
  interrupt.release();
}
