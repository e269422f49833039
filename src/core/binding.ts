import type { Property } from "./checker.ts";
import type { CaseDefinition } from "./case.ts";
import type { Observation } from "./observation.ts";
import type { Op, Json } from "./op.ts";
import type { Prng } from "./prng.ts";
import type { Reason } from "./reason.ts";
import type { Requirement } from "./requirement.ts";
import type { RequirementId } from "./ids.ts";
import type { Frame, HttpAnswer, HttpRequest, Session, SessionOptions } from "./session.ts";
import type { CredentialSpec, KnownFailure } from "./target.ts";

/**
 * What order members must agree on: `total` one order per room · `position` the server numbers entries ·
 * `perAuthor` only each author's own order.
 */
export type OrderModel = "total" | "position" | "perAuthor";

export interface Capability {
  /** What holds when the target says nothing. */
  readonly default: boolean;
  readonly meaning: string;
  /** What only a server that has it shows: a target that declares it off and shows it gets a warning. */
  readonly shownBy?: (observation: Observation) => boolean;
}

/** The requirement that a property's breach counts against; a reason may name its own. */
export type Judge = RequirementId | ({ readonly [reason in Reason]?: RequirementId } & { readonly otherwise: RequirementId });

/** Areas that hold for every binding; the cases in `conformance/` judge those a binding names. */
export const AREAS = [
  "delivery", // every member gets every write, once
  "order", // by the order model
  "authorOrder", // one author's writes in the order sent
  "isolation", // nothing of another room
  "lateJoin", // who enters late sees the state as it is now
  "quiescence", // after a storm all members hold the same state
  "departure", // one member's going, polite or not, does not hurt the others
  "refusal", // unusable messages: answered, no effect
  "robustness", // fuzzed frames hurt nobody else
  "unknownRoom", // joining what does not exist is refused
] as const;

export type Area = (typeof AREAS)[number];

export interface BindingManifest {
  /** Folder name and the word on the command line. */
  readonly name: string;
  /** One line for `rollcall list`. */
  readonly summary: string;
  readonly orderModel: OrderModel;
  /** Whether the author gets its own write back as a delivery. Off: it is confirmed by `accepted`. */
  readonly echo: boolean;
  readonly dialects: readonly [string, ...string[]];
  /** `k6` with a reason when it cannot run there. */
  readonly engines: { readonly node: true; readonly k6: true | string };
  readonly capabilities: Readonly<Record<string, Capability>>;
  /** For a session's own keepalive; undefined when the protocol has none. */
  readonly keepaliveMs: number | undefined;
  /** How long a room lives past its last activity; undefined when rooms do not end by themselves. */
  readonly roomTtlMs?: number;
  /** Which requirement a checker's finding breaks. Properties left out are not judged for this binding. */
  readonly judges: { readonly [property in Property]?: Judge };
  /** Which requirement a general case judges. Areas left out have no general case for this binding. */
  readonly areas: { readonly [area in Area]?: RequirementId };
  /** Budgets of the protocol's own for latency objectives; milliseconds. */
  readonly budgets: { readonly deliveryMsP95?: number; readonly spreadMs?: number };
  /**
   * Of what goes beside the writes, in ms: how soon it comes, how long typing lasts that is not said again, how soon a
   * status is told, and that of a user whose connection was lost without a word.
   */
  readonly signals?: { readonly withinMs: number; readonly typingMs: number; readonly statusMs: number; readonly silentMs: number };
  /** Fewer cases at once than usual, where a session costs much: by phase. */
  readonly casesAtOnce?: { readonly shared?: number; readonly quiet?: number };
  /** Set where a session that is asked to (`recall`) tells every marked write of the past. */
  readonly recalls?: true;
  /** Set where a session takes writes while it is away, and sends them once it is back. */
  readonly writesOffline?: true;
  /** What the URLs of a target with several are to each other. Absent: load uses them all, cases the first. */
  readonly urls?: UrlsMeaning;
  /** What the binding's own reference server is told and has beside what all of them do. */
  readonly reference?: ReferenceManifest;
}

/**
 * `everyRoom`: each URL serves every room, and clients of cases and of load are spread over them, so that a room has
 * members at each · `ownRooms`: each has the rooms that `shardOfRoom` gives it, and clients go to their room's.
 */
export type UrlsMeaning = "everyRoom" | "ownRooms";

/** Where a reference server differs from the common form. */
export interface ReferenceManifest {
  /** How its users show who they are. */
  readonly credential?: Partial<CredentialSpec>;
  /** Variables of its own; `scratch` is a folder that only this instance uses and that is removed after it. */
  readonly env?: (given: ReferenceSurroundings) => Readonly<Record<string, string>>;
  /** Capabilities that it has and that a target must otherwise give something for. */
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly limits?: Readonly<Record<string, number>>;
  /** Its timers may not run faster than so many times: what a busy machine delays must stay within its shortest wait. */
  readonly timeScaleMax?: number;
  /**
   * What several of its processes need to serve the same rooms, started by us beside them and told to each:
   * `redis` as `REDIS_URL`. Absent: it runs as one process only.
   */
  readonly replicas?: "redis";
  /**
   * Failures of published software that stands in the reference stack, by the process's environment. They hold for a
   * check of that server by its name: mutants, clients under test, load runs and target files have none of them.
   */
  readonly known?: (env: Readonly<Record<string, string | undefined>>) => readonly KnownFailure[];
}

/** What stands around a reference server that is started. */
export interface ReferenceSurroundings {
  readonly audience: string;
  readonly directoryUrl: string | undefined;
  readonly scratch: string;
}

/** How a room comes to be. */
export type Rooms =
  | { /** Made by the first join; the harness chooses ids. */ readonly kind: "named"; readonly name: (label: string) => string }
  | {
      readonly kind: "created";
      /** `places`: how many members it must hold beside its creator. */
      readonly request: (label: string, places: number, prng: Prng) => HttpRequest;
      /** The new room's id, or why the answer holds none. */
      readonly parse: (answer: HttpAnswer) => { readonly room: string } | { readonly failure: string };
      /** The greatest number of members of a room, its creator included; undefined when there is no limit. */
      readonly membersMax: number | undefined;
      /** Close codes of a refusal that says nothing against the room: it is full for now, or the server does not serve yet. */
      readonly stayCodes: ReadonlySet<number>;
    }
  | {
      /** Made over the protocol itself: by a session of the creator's that ends once it has told of the room. */
      readonly kind: "opened";
      /** `options.room` is empty. Calls `made` once, with the new room's id or why there is none. */
      readonly session: (options: SessionOptions, label: string, made: (outcome: RoomOutcome) => void) => Session;
      readonly membersMax: number | undefined;
    };

/** What came of making a room. */
export type RoomOutcome = { readonly room: string } | { readonly failure: string };

/** Scenario operations: named acts with a generator of values. */
export interface Operations {
  /** Default mix: weight by name. */
  readonly mix: Readonly<Record<string, number>>;
  /** The value of a write of that name. Unknown names throw a RangeError. */
  readonly make: (name: string, prng: Prng) => Json;
  /** Text of a room's state after a write of `value` is applied to nothing else; undefined where that is not defined. */
  readonly describe?: (value: Json) => string;
}

/** A frame that a server must refuse or ignore without harm. */
export interface HostileFrame {
  readonly name: string;
  readonly frame: Frame;
}

/**
 * One protocol that servers speak. Portable: imports core and its own folder only. By convention the folder also
 * holds `reference/main.ts` (the reference server, run as a process) and `golden/`. What can only run in Node (a document
 * model in WebAssembly, cases with sockets of their own) stands in `node.ts`, whose export `inNode` takes the place of
 * the fields that it names.
 */
export interface Binding {
  /** Why it cannot run on this machine (an optional piece is not installed) and how it could; undefined when it can. */
  readonly absent?: string;
  readonly manifest: BindingManifest;
  readonly requirements: readonly Requirement[];
  readonly mutants: readonly Mutant[];
  readonly rooms: Rooms;
  readonly operations: Operations;
  readonly hostile: readonly HostileFrame[];
  readonly session: (options: SessionOptions) => Session;
  /** The frame of an act as the default dialect writes it; for cases that need the bytes. */
  readonly encode: (op: Op, run: string) => Frame;
  /** What is special to this protocol; general cases come from `conformance/`. Loaded only where cases run. */
  readonly cases: () => Promise<readonly CaseDefinition[]>;
}

/**
 * A reference server with one deliberate fault. Behaviour of the server only: checkers and cases never see it.
 * Killed: exactly `breaks` (and those of `also`) end as fail or warning, each for its declared reason.
 */
export interface Mutant {
  /** kebab-case, says the fault: `drops-one-delivery`. */
  readonly id: string;
  readonly summary: string;
  readonly breaks: readonly { readonly id: RequirementId; readonly reason: Reason }[];
  /** Requirements that may break too, by the nature of the fault. */
  readonly also?: readonly { readonly id: RequirementId; readonly reason: Reason }[];
  /** Environment for the reference server that this fault needs, beside `MUTANT`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Only so many processes on the same rooms show it. */
  readonly replicas?: number;
  /** `load`: only a load run can see it, with this scenario; otherwise the conformance check. `shards` in the parameters: only so many together. */
  readonly shownBy?: { readonly scenario: string; readonly parameters: Readonly<Record<string, string>> };
}
