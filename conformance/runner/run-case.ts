import { type CaseDefinition, Precondition } from "../../src/core/case.ts";
import { createContext } from "./context.ts";
import type { RunnerPorts } from "./ports.ts";
import { type CaseEnd, type CaseRow, createRecorder } from "./row.ts";

/** Joins, requests and short waits of an ordinary case take a tenth of this. */
const LIMIT_MS = 60_000;
/**
 * Runs one case to its end or its limit and gives its row. Never throws: what a case throws beside a `Precondition`
 * is a fault of ours and ends the row as `faulted`. `aborted` ends it early, as a precondition that is gone.
 */
export async function runCase(ports: RunnerPorts, definition: CaseDefinition, aborted: AbortSignal): Promise<CaseRow> {
  const recorder = createRecorder(definition);
  const { context, hasSeen, end } = createContext(ports, definition, recorder);
  const startedAt = Date.now();
  const limitMs = definition.limitMs ?? LIMIT_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort: () => void = () => {};
  const cut = new Promise<readonly [CaseEnd, string]>((resolve) => {
    timer = setTimeout(() => resolve(["overran", `took longer than ${limitMs} ms`]), limitMs);
    onAbort = () => resolve(["precondition", "the run ended early"]);
    aborted.addEventListener("abort", onAbort, { once: true });
    if (aborted.aborted) onAbort();
  });
  const ran = definition.run(context).then((): readonly [CaseEnd, string] => ["ran", ""], endOf);
  const [how, because] = await Promise.race([ran, cut]);
  clearTimeout(timer);
  aborted.removeEventListener("abort", onAbort);
  const row = recorder.row(how, because, startedAt, Date.now());
  const shown = Object.entries(ports.binding.manifest.capabilities).flatMap(([name, { shownBy }]) =>
    ports.target.capabilities[name] === false && shownBy !== undefined && hasSeen(shownBy) ? [name] : [],
  );
  await end();
  return shown.length === 0 ? row : { ...row, shown };
}

function endOf(error: unknown): readonly [CaseEnd, string] {
  if (error instanceof Precondition) return ["precondition", error.message];
  return ["faulted", error instanceof Error ? (error.stack ?? error.message) : String(error)];
}
