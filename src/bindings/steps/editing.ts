import type { Json } from "../../core/op.ts";
import type { DocJson, StepJson } from "./messages.ts";

/**
 * What a session needs of a document model: real ProseMirror in Node (`prosemirror.ts`), counting only where no package
 * can be loaded (`flat.ts`). A port, so that the session itself stays portable.
 */
export interface Editing {
  /** Whether replicas hold documents that can be compared. */
  readonly hasDocuments: boolean;
  /** A replica of a document; undefined when the schema does not allow it. */
  open(doc: DocJson, version: number): Replica | undefined;
  /** Steps read once for all who receive the same frame; undefined when they cannot be read. */
  parse(steps: readonly StepJson[]): Batch | undefined;
  /** Text of a document, equal for equal documents (2.1). */
  canonical(doc: DocJson): string;
}

/** Steps that have been read; opaque. */
export interface Batch {
  readonly size: number;
  readonly steps: readonly unknown[];
}

/** What an act of a user does to the document that the user sees. Places are shares of its length, 0…1. */
export interface Edit {
  readonly do: EditName;
  readonly at: number;
  /** Text typed; the marker goes behind it. */
  readonly text: string;
  /** Characters that an erasure or a mark covers at most. */
  readonly span?: number;
}

export const EDITS = ["type", "erase", "split", "join", "mark", "unmark", "wrap", "lift", "list", "heading"] as const;
export type EditName = (typeof EDITS)[number];

/** Unconfirmed steps as they go into one message: `tags` names the act of each step. */
export interface Sendable {
  readonly version: number;
  readonly steps: readonly StepJson[];
  readonly tags: readonly number[];
}

/**
 * One member's document: what the server has confirmed, and own steps on top that it has not. Positions of own steps are
 * mapped through everything that comes before them.
 */
export interface Replica {
  /** Steps confirmed or received so far. */
  readonly version: number;
  /** Own steps that are not confirmed. */
  readonly unconfirmed: number;
  /** Applies an act as the user would, in steps that bear its tag. `text` is inserted whatever else the act does. */
  edit(edit: Edit, text: string, tag: number): void;
  /** The first `stepsMax` unconfirmed steps; undefined when there are none. Steps of one act stay together. */
  sendable(stepsMax: number): Sendable | undefined;
  /** Takes in steps of others. False: they do not apply here, and the replica is no longer to be trusted. */
  receive(batch: Batch): boolean;
  /** The first `count` unconfirmed steps are confirmed as they are. */
  confirm(count: number): void;
  /** Tags of the unconfirmed steps, in order. */
  tags(): readonly number[];
  /** The document as the user sees it. */
  doc(): DocJson;
}

/** Reads a write's value; undefined when it is no edit. */
export function editOf(value: Json): Edit | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { do: name, at, text, span } = value as { readonly [key: string]: Json };
  const known = EDITS.find((each) => each === name);
  if (known === undefined || typeof at !== "number" || typeof text !== "string") return undefined;
  return { do: known, at, text, ...(typeof span === "number" ? { span } : {}) };
}
