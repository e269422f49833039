import { HarnessError } from "../core/errors.ts";
import type { Scenario, ScenarioParameters } from "../core/scenario.ts";
import type { CredentialSource } from "../../fixtures/credentials/index.ts";

/** What happens once in a run to the target or to all of its users: begun with the run's time, awaited at its end. */
export interface Turns {
  readonly begin: () => void;
  readonly done: () => Promise<void>;
}

interface Turn {
  readonly at: number;
  readonly act: () => Promise<void>;
}

/** Identities that get their new keys at once: a directory takes one operation after the other. */
const ROTATIONS_AT_ONCE = 4;

/**
 * The change of keys that a scenario has.
 * @throws HarnessError `usage` when the target's users have no keys of ours.
 */
export function turnsOf(
  scenario: Scenario,
  parameters: ScenarioParameters,
  { source, say }: { readonly source: CredentialSource; readonly say: (text: string) => void },
): Turns {
  const { rampMs, durationMs } = parameters;
  const turns = [rotationIn(scenario, parameters, source, say)];
  const timers: NodeJS.Timeout[] = [];
  const acts: Promise<void>[] = [];
  return {
    begin: () => {
      for (const turn of turns) {
        if (turn === undefined) continue;
        const start = (): void => {
          const act = turn.act();
          // Awaited at the end; what fails first must not go unheard.
          act.catch(() => undefined);
          acts.push(act);
        };
        timers.push(setTimeout(start, rampMs + durationMs * turn.at));
      }
    },
    done: async () => {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(acts);
    },
  };
}

function rotationIn(
  { name, rotateAt }: Scenario,
  { clients }: ScenarioParameters,
  source: CredentialSource,
  say: (text: string) => void,
): Turn | undefined {
  if (rotateAt === undefined) return undefined;
  const { rotate } = source;
  if (rotate === undefined) {
    throw new HarnessError("usage", `${name} changes keys, and this target's users have none in a directory of ours`, {
      hint: "use a reference server, or another scenario",
    });
  }
  return {
    at: rotateAt,
    act: async () => {
      say(`${clients} identities get new keys`);
      let next = 0;
      const lane = async (): Promise<void> => {
        for (let index = next++; index < clients; index = next++) await rotate(index);
      };
      await Promise.all(Array.from({ length: ROTATIONS_AT_ONCE }, lane));
    },
  };
}
