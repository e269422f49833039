import type { Phase } from "../core/case.ts";
import type { Binding } from "../core/binding.ts";
import type { RequirementId } from "../core/ids.ts";
import type { RunningTarget } from "../targets/index.ts";
import { probe } from "../targets/network.ts";
import { type CaseRow, type Death, isBroken } from "../../conformance/runner/index.ts";

const POLL_MS = 100;
/** A row that ended this long before a death was seen may already be its work. */
const BEFORE_MS = 500;
const PROBE_MS = 2_000;
const LOG_LINES = 20;

/** Looks out for servers that end while they are judged. */
export interface DeathWatch {
  /** A case has ended: one that did not go well makes a server that we did not start be looked for. */
  ended(row: CaseRow): void;
  readonly death: Death | undefined;
  stop(): void;
}

/** The requirement that a dying server breaks: the binding's robustness area, else the first of that category. */
export function robustnessOf(binding: Pick<Binding, "manifest" | "requirements">): RequirementId | undefined {
  return (
    binding.manifest.areas.robustness ?? binding.requirements.find((each) => each.category === "robustness" && each.part !== "client")?.id
  );
}

/** Watches the servers of a run and tells, once, when one of them ends by itself. */
export function watchDeaths(
  servers: readonly { readonly running: RunningTarget; readonly phases: readonly Phase[] }[],
  id: RequirementId | undefined,
  onDeath: (death: Death) => void,
): DeathWatch {
  let death: Death | undefined;
  let isProbing = false;
  const found = (at: number, how: string, phases: readonly Phase[], logs: string): void => {
    if (death !== undefined) return;
    const tail = logs.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
    const witness = tail === "" ? [] : [{ atMs: 0, from: "server", to: "log", label: "its last words", frame: tail, isBad: true }];
    death = { at, id, phases, breach: { reason: "crashed", expected: "a server that outlives its clients", seen: how, witness } };
    onDeath(death);
  };
  const look = (): void => {
    for (const { running, phases } of servers) {
      const exit = running.exited();
      if (exit !== undefined)
        found(
          Date.now() - BEFORE_MS,
          `it ended by itself ${exit.signal === null ? `with exit code ${exit.code ?? "unknown"}` : `by ${exit.signal}`}`,
          phases,
          running.process?.logs() ?? "",
        );
    }
  };
  const timer = setInterval(look, POLL_MS);
  const reach = async (row: CaseRow): Promise<void> => {
    for (const { running, phases } of servers.filter((each) => each.phases.includes(row.phase))) {
      const { urls, ca } = running.resolved;
      if ((await probe(urls[0], ca, PROBE_MS)) === undefined) continue;
      const failure = await probe(urls[0], ca, PROBE_MS);
      if (failure !== undefined)
        found(row.startedAt, `it was reached before, and no longer: ${failure}`, phases, running.process?.logs() ?? "");
    }
  };
  return {
    ended: (row) => {
      look();
      // A restart under way is no death; exclusive cases of a server with a process are left to its exit.
      const isOurs = servers.some((each) => each.phases.includes(row.phase) && each.running.process !== undefined);
      if (isOurs || isProbing || death !== undefined || (row.end === "ran" && !row.parts.some(isBroken))) return;
      isProbing = true;
      void reach(row).finally(() => {
        isProbing = false;
      });
    },
    get death() {
      return death;
    },
    stop: () => {
      look();
      clearInterval(timer);
    },
  };
}
