import type { FaultPlan } from "./fault.ts";
import type { Prng } from "./prng.ts";

/** What a user may set; every value is a number in the unit of its name. */
export interface ScenarioParameters {
  readonly clients: number;
  readonly rooms: number;
  /** Writes a second and client (open model, Poisson unless the scenario says otherwise). */
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Time over which clients arrive. */
  readonly rampMs: number;
  /** Share of clients that leave and come back in a minute, 0…1. */
  readonly churnPerMinute: number;
}

/** What a run must keep; each is judged and named in the report. */
export interface Objectives {
  readonly deliveryMsP99?: number;
  readonly convergenceMsP99?: number;
  /** Received ÷ expected; 1 means nothing was lost. */
  readonly reach?: number;
  readonly violations?: number;
}

/** One thing that one client does, at a planned time from the run's start. */
export type Step = { readonly atMs: number } & (
  | { readonly kind: "join" | "leave" | "cut" | "read" | "keepalive" }
  | { readonly kind: "act"; /** an operation of the binding */ readonly name: string }
  | {
      /** Shows where this user is: of the binding's operations one that makes a presence. */ readonly kind: "presence";
      readonly name: string;
    }
);

/** One client's part; `next` gives steps in the order of `atMs` until undefined. */
export interface ClientScript {
  /** Index of its room, 0…rooms-1. */
  readonly room: number;
  next(): Step | undefined;
}

/** A workload: data plus a generator that knows no engine and no protocol. */
export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly defaults: ScenarioParameters;
  readonly objectives: Objectives;
  /** Whether sessions keep themselves alive and come back by themselves. */
  readonly session: {
    readonly keepalive: boolean;
    readonly reconnect: boolean;
    readonly readOnJoin: boolean;
    /** Whether they ask for everything written before they came; default false. */
    readonly history?: boolean;
    /** Whether they take part in what goes beside the writes (typing, presence) where that has a connection of its own; default false. */
    readonly presence?: boolean;
  };
  /** Capabilities that a target must have for it. */
  readonly needs?: readonly string[];
  /** What goes wrong meanwhile, whatever plan the user gives beside it. */
  readonly faults?: FaultPlan;
  /** When every identity of the run gets a new key, as a share of the duration behind the ramp; needs a directory of ours. */
  readonly rotateAt?: number;
  /** Same index, parameters and prng give the same script on every engine and shard. `mix`: the binding's operations by weight. */
  readonly script: (client: number, parameters: ScenarioParameters, mix: Readonly<Record<string, number>>, prng: Prng) => ClientScript;
}
