import type { RequirementId } from "./ids.ts";

export type Level = "MUST" | "SHOULD" | "MAY";

export type Category =
  | "auth"
  | "session"
  | "ordering"
  | "convergence"
  | "heartbeat"
  | "presence"
  | "latency"
  | "resume/offline"
  | "isolation"
  | "errors"
  | "robustness"
  | "capacity"
  | "security"
  | "observability";

/** What a check needs at most: see the catalogue's words in docs/requirements. */
export type Reach = "wire" | "wire+clock" | "wire x2" | "fixture" | "client" | "browser" | "hook" | "none";

/** Why a requirement has no case or no mutant; the coverage test accepts nothing else. */
export type Uncovered =
  | { readonly kind: "client-only" | "browser-only" | "not-visible"; readonly because: string }
  | { readonly kind: "needs"; readonly capability: string; readonly because: string };

/** One sentence that a server must meet. */
export interface Requirement {
  readonly id: RequirementId;
  readonly level: Level;
  readonly category: Category;
  /** Which side is under test. */
  readonly part: "server" | "client" | "both";
  readonly reach: Reach;
  /** `stated` by the source · `implied` by it · `standard` that it names · `review` · `inferred`, the weakest. */
  readonly basis: "stated" | "implied" | "standard" | "review" | "inferred";
  /** One sentence. */
  readonly statement: string;
  /** How it is checked, in words a server engineer can follow by hand. */
  readonly check: string;
  /** Title and section of the document it comes from. */
  readonly source: string;
  /** Set when the entry is only shown, never judged; says why. */
  readonly reported?: string;
  /** Set when no case judges it on an embedded server. */
  readonly noCase?: Uncovered;
  /** Set when no mutant can break it. */
  readonly noMutant?: Uncovered;
  /** Capabilities that the whole entry depends on: any of them off makes it *skipped*. */
  readonly needs?: readonly string[];
}

export type Profile = "mvp" | "production" | "strict";

/** The level that counts under a profile: *review* entries weigh as SHOULD under `mvp`, every SHOULD as MUST under `strict`. */
export function effectiveLevel(requirement: Requirement, profile: Profile): Level {
  if (requirement.level === "MAY") return "MAY";
  if (profile === "strict") return "MUST";
  if (profile === "mvp" && requirement.basis === "review") return "SHOULD";
  return requirement.level;
}
