import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parse } from "yaml";
import { HarnessError } from "../core/errors.ts";
import type { FaultPlan } from "../core/fault.ts";
import { createPrng } from "../core/prng.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { type Carrier, createCarrier } from "../faults/carrier.ts";
import { type Machine, needsProxy, strike, unreached } from "../faults/hands.ts";
import { namedPlans } from "../faults/named.ts";
import { startProxy } from "../faults/proxy/index.ts";
import { parseFaultPlan } from "../faults/schema.ts";
import { type Timeline, timelineOf } from "../faults/timeline.ts";
import type { RecordedFaults } from "../recording/index.ts";
import type { RunningTarget } from "../targets/index.ts";
import type { TellFaults } from "./load-workers.ts";
import { machinesOf } from "./fault-machines.ts";
import { closest } from "./suggest.ts";
import type { WorkerFaults } from "./worker.ts";

/** Plans are written by hand: anything larger is the wrong file. */
const FILE_BYTES_MAX = 1_000_000;

/**
 * The plan of that name, or in that file; a plan as it is.
 * @throws HarnessError `usage` when there is none, or it is no plan.
 */
export function faultPlanOf(given: string | FaultPlan): FaultPlan {
  return typeof given === "string" ? planNamed(given) : given;
}

function planNamed(text: string): FaultPlan {
  const named = namedPlans.find(({ name }) => name === text);
  if (named !== undefined) return named;
  if (!/[./\\]/.test(text)) {
    const names = namedPlans.map(({ name }) => name);
    const near = closest(text, names);
    throw new HarnessError("usage", `there is no fault plan "${text}"`, {
      hint: `${near === undefined ? "" : `did you mean "${near}"? `}named plans: ${names.join(", ")}; or give a file such as ./plan.yaml`,
    });
  }
  let value: unknown;
  try {
    const content = readFileSync(text, "utf8");
    if (content.length > FILE_BYTES_MAX) throw new Error("too large for a plan");
    value = parse(content);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new HarnessError("usage", `${text}: can not be read as a fault plan: ${why}`, {
      cause: error,
      hint: "see docs/faults.md, or `rollcall faults --yaml flaky-wifi` for one to begin with",
    });
  }
  const parsed = parseFaultPlan(value, basename(text).replace(/\.ya?ml$/, ""));
  if (parsed.ok) return parsed.plan;
  throw new HarnessError("usage", parsed.mistakes.map((mistake) => `${text}: ${mistake}`).join("\n"), {
    hint: "docs/faults.md has every field",
  });
}

/** The faults that a scenario has and those that the user gives beside them, as one plan. */
export function togetherOf(plans: readonly (FaultPlan | undefined)[]): FaultPlan | undefined {
  const given = plans.filter((plan) => plan !== undefined);
  const distinct = given.filter((plan, index) => given.findIndex(({ name }) => name === plan.name) === index);
  const [first] = distinct;
  if (first === undefined || distinct.length === 1) return first;
  return {
    name: distinct.map(({ name }) => name).join(" + "),
    summary: distinct.map(({ summary }) => summary).join("; "),
    faults: distinct.flatMap(({ faults }) => faults),
  };
}

/**
 * When each fault of a plan comes, and whom it strikes; the seed alone decides.
 * @throws HarnessError `usage` for plans that leave no time to heal.
 */
export function faultTimeline(plan: FaultPlan, parameters: ScenarioParameters, replicas: number, seed: string): Timeline {
  const timeline = timelineOf(plan, parameters, replicas, createPrng(`${seed}/faults`));
  if (timeline.mistakes.length > 0)
    throw new HarnessError("usage", timeline.mistakes.map((mistake) => `fault plan ${plan.name}: ${mistake}`).join("\n"), {
      hint: "give the run a longer --duration, or the plan earlier times",
    });
  return timeline;
}

/** The faults of one run, ready to begin. */
export interface RunFaults {
  readonly forWorkers: WorkerFaults;
  readonly recorded: RecordedFaults;
  /** The run's time begins; workers are told by `tell`. */
  begin(tell: TellFaults): void;
  /** Undoes what is still wrong. */
  heal(): Promise<void>;
  /** Why faults could not be carried out or undone, by id. */
  failures(): Readonly<Record<string, string>>;
  close(): void;
}

/** What was written outlives a server that has a store beside it, or says so, or whose protocol demands it. */
function isDurable({ resolved, binding }: RunningTarget, machines: readonly Machine[]): boolean {
  const said = resolved.capabilities["durable"];
  return said ?? (machines.some(({ role }) => role === "dependency") || (binding.manifest.capabilities["durable"]?.default ?? true));
}

/**
 * Prepares a plan for a target that runs: the proxy is there, and nothing is wrong yet.
 * @throws HarnessError `usage` when the plan strikes what this target does not have.
 */
export async function openFaults(options: {
  readonly plan: FaultPlan;
  /** As the user named it. */
  readonly asked: string | undefined;
  readonly running: RunningTarget;
  readonly parameters: ScenarioParameters;
  readonly seed: string;
  readonly directory: ((isAway: boolean) => Promise<void>) | undefined;
  readonly say: (text: string) => void;
}): Promise<RunFaults> {
  const { plan, running, parameters, seed, directory, say } = options;
  const { urls, name } = running.resolved;
  const timeline = faultTimeline(plan, parameters, urls.length, seed);
  const reach = { target: name, machines: machinesOf(running), directory };
  for (const { action } of plan.faults) {
    const missing = unreached(action, reach);
    if (missing !== undefined) throw new HarnessError("usage", `fault plan ${plan.name}: ${missing.why}`, { hint: missing.hint });
  }
  const upstreams = urls.map((url) => {
    const { hostname, port, protocol } = new URL(url);
    return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
  });
  const proxy = plan.faults.some(({ action }) => needsProxy(action, reach))
    ? await startProxy({ upstreams, lanes: timeline.lanes, seed })
    : undefined;
  let carrier: Carrier | undefined;
  return {
    forWorkers: {
      faults: timeline.faults.map(({ id, action, lanes, replicas }) => ({ id, kind: action.kind, lanes, replicas })),
      laneCount: timeline.lanes,
      isDurable: isDurable(running, reach.machines),
      proxy: proxy === undefined ? undefined : { host: proxy.host, ports: proxy.ports },
    },
    recorded: {
      plan: plan.name,
      ...(options.asked === undefined ? {} : { asked: options.asked }),
      planned: timeline.faults.map(({ id, action, what, whom }) => ({ id, kind: action.kind, what, whom })),
    },
    begin: (tell) => {
      carrier = createCarrier({
        timeline,
        strike: (fault) => strike(fault, { ...reach, proxy }),
        signal: tell,
        say,
        nowMs: () => performance.now(),
      });
      carrier.begin();
    },
    heal: async () => carrier?.heal(),
    failures: () => Object.fromEntries([...(carrier?.failures ?? [])].map(([id, why]) => [String(id), why])),
    close: () => proxy?.close(),
  };
}
