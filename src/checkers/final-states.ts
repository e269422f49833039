import { FINDINGS_MAX, type CheckerOutcome, type Finding } from "../core/checker.ts";

interface Written {
  readonly author: number;
  readonly n: number;
}

/** The state that one member was given once the run was quiet, and the last write that its room's members received. */
export interface FinalState {
  readonly client: number;
  readonly room: string;
  readonly got: Written | undefined;
  readonly last: Written | undefined;
}

/** After the run is quiet every state must hold the last write that members received. */
export function judgeFinalStates(states: readonly FinalState[], nowMs: number): CheckerOutcome {
  const diverged = states.filter(({ got, last }) => last !== undefined && (got?.author !== last.author || got.n !== last.n));
  return {
    property: "convergence",
    judged: states.length,
    broken: diverged.length === 0 ? {} : { diverged: diverged.length },
    findings: diverged.slice(0, FINDINGS_MAX).map(({ client, room, got, last }): Finding => {
      const seen = got === undefined ? "a state without any of the run's writes" : `a state as of a=${got.author} n=${got.n}`;
      return {
        property: "convergence",
        reason: "diverged",
        room,
        client,
        seen,
        expected: `a=${last?.author ?? 0} n=${last?.n ?? 0}, the last write that the members received`,
        witness: [
          { atMs: nowMs, from: `client ${client}`, to: "server", label: "asks for the state after the run is quiet" },
          { atMs: nowMs, from: "server", to: `client ${client}`, label: seen, isBad: true },
        ],
      };
    }),
  };
}
