import { resolve } from "node:path";
import { HarnessError } from "../core/errors.ts";
import { parseShard } from "../load/shares.ts";
import { renderTerminal, writeReports } from "../../reports/index.ts";
import { INTERRUPTED, onInterrupt } from "./interrupt.ts";
import { loadShard } from "./load-shard.ts";
import { createProgress } from "./progress.ts";
import { runReferee, tokenOf } from "./referee.ts";
import { commonOf, dialectOf, parametersOf, perform, showLoad, textOf, transportOf } from "./run.ts";

type Flags = Readonly<Record<string, unknown>>;

const PORT_DEFAULT = 7700;
const GATHER_MS_DEFAULT = 300_000;
const SILENT_MS_DEFAULT = 15_000;

/** `rollcall load … --shard 2/3`. Gives 0 once its part is handed over: the verdict, and its exit code, are the referee's. */
export async function runShardOfLoad(scenario: string, flags: Flags): Promise<number> {
  const common = commonOf(flags);
  const share = { ...shardOf(textOf(flags, "shard") ?? ""), by: textOf(flags, "shardBy") === "rooms" ? "rooms" : "members" } as const;
  const url = textOf(flags, "referee");
  if (url === undefined || !/^https?:\/\/[^/\s]+$/.test(url))
    throw new HarnessError("usage", "a shard needs the address of its referee", { hint: "such as --referee http://127.0.0.1:7700" });
  const token = tokenOf(textOf(flags, "runToken"), textOf(flags, "tokenFile"));
  const parameters = parametersOf(flags);
  if (flags["engine"] === "k6")
    throw new HarnessError("usage", "a shard of k6 is a process of its own, which speaks to the referee by itself", {
      hint: `rollcall k6 bundle ${scenario} --target …, then k6 run -e SHARD=${textOf(flags, "shard") ?? "1/3"} -e REFEREE=${url} (docs/scale-out.md)`,
    });
  if (common.dryRun) {
    process.stdout.write(
      `would play shard ${share.index + 1} of ${share.count} of ${scenario}, by ${share.by}, for the referee at ${url}\n`,
    );
    return 0;
  }
  const progress = createProgress(process.stderr);
  const interrupt = onInterrupt((text) => progress.line(text));
  const workers = flags["workers"];
  try {
    const { verdict, exitCode, clients } = await loadShard({
      scenario,
      target: textOf(flags, "target") ?? "",
      parameters,
      share,
      referee: { url, token },
      ...transportOf(flags),
      ...common.shared,
      ...(typeof workers === "number" ? { workers } : {}),
      ...dialectOf(flags),
      onProgress: showLoad(progress),
      signal: interrupt.signal,
    });
    progress.end();
    const summary = { shard: `${share.index + 1}/${share.count}`, clients, verdict, exitCode };
    process.stdout.write(
      common.json
        ? `${JSON.stringify(summary)}\n`
        : `shard ${summary.shard}: ${clients} clients, handed over; the run: ${verdict} (exit code ${exitCode} at the referee)\n`,
    );
    return 0;
  } catch (error) {
    progress.end();
    if (interrupt.signal.aborted) return INTERRUPTED;
    throw error;
  } finally {
    interrupt.release();
  }
}

/** `rollcall referee`. Gives the exit code of the whole run. */
export async function runRefereeCommand(flags: Flags): Promise<number> {
  const common = commonOf(flags);
  const token = tokenOf(textOf(flags, "runToken"), textOf(flags, "tokenFile"));
  const number = (name: string, otherwise: number): number => (typeof flags[name] === "number" ? flags[name] : otherwise);
  const options = {
    shards: number("shards", 0),
    port: number("port", PORT_DEFAULT),
    bind: textOf(flags, "bind") ?? "127.0.0.1",
    gatherMsMax: number("wait", GATHER_MS_DEFAULT),
    silentMsMax: number("lostAfter", SILENT_MS_DEFAULT),
  };
  if (common.dryRun) {
    process.stdout.write(`would referee ${options.shards} shards on ${options.bind}:${options.port}; reports to ${resolve(common.out)}\n`);
    return 0;
  }
  return perform(common, (progress, interrupt) =>
    runReferee({
      ...options,
      ...common.shared,
      token,
      stay: flags["stay"] === true,
      onResult: async (result) => {
        process.stdout.write(`${renderTerminal(result, { colour: false }).trimEnd()}\n\n`);
        const paths = await writeReports(result, common.out);
        progress.line(`report: ${paths.html}; the result stays at /v1/result`);
      },
      onListening: (url) => progress.line(`referee of ${options.shards} shards at ${url}`),
      onProgress: showLoad(progress),
      signal: interrupt.signal,
    }),
  );
}

function shardOf(text: string): { readonly index: number; readonly count: number } {
  try {
    return parseShard(text);
  } catch (error) {
    throw new HarnessError("usage", error instanceof Error ? error.message : String(error), { cause: error });
  }
}
