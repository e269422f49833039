import type { Result } from "../core/result.ts";
import type { RunningTarget } from "../targets/index.ts";

/** Of each container; its last 64 KiB would make a result unwieldy. */
const CHARACTERS_MAX = 16_000;

/** What a target's containers have written last, for a result that is not all well. Taken while they are there. */
export function logsOf({ containers, engine }: Pick<RunningTarget, "containers" | "engine">, exitCode: number): Pick<Result, "logs"> {
  if (exitCode === 0 || containers === undefined || engine === undefined) return {};
  return { logs: containers.map(({ name, id }) => ({ name, text: engine.logs(id).slice(-CHARACTERS_MAX) })) };
}
