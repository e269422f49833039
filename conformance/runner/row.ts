import type { Breach, CaseDefinition, Phase } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import type { Reason } from "../../src/core/reason.ts";

/** What one case found out about one requirement. Plain JSON: it travels out of the worker with the test's meta. */
export interface RowPart {
  readonly id: RequirementId;
  /** How many judgements were made. */
  readonly judged: number;
  /** How often it broke, by reason. */
  readonly broken: Readonly<Partial<Record<Reason, number>>>;
  /** The first few of each reason. */
  readonly breaches: readonly Breach[];
  /** What was only shown. */
  readonly notes: readonly string[];
  /** Why no judgement could be made. */
  readonly inconclusive: readonly string[];
}

/**
 * How a case ended: `ran` to its end · `precondition` could not be brought about · `overran` its limit ·
 * `faulted`: it threw, which is our bug and never the target's.
 */
export type CaseEnd = "ran" | "precondition" | "overran" | "faulted";

/** One case's outcome. */
export interface CaseRow {
  readonly name: string;
  readonly title: string;
  readonly phase: Phase;
  readonly end: CaseEnd;
  /** Why it did not run to its end; empty when it did. */
  readonly because: string;
  /** Wall clock, ms since 1970: the runner holds it against the time a server died. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly parts: readonly RowPart[];
  /** Capabilities that the target declares off and that were seen nevertheless. */
  readonly shown?: readonly string[];
  /** Timed cases: event-loop lag p99 of the harness while it ran, ms. Beyond `lagMsMax` what it found cannot be trusted either way. */
  readonly loopLagMsP99?: number;
  /** How often it was run, when more than once: what the harness was late for is judged again. */
  readonly attempts?: number;
}

/** Breaches kept a requirement and reason: enough to see a pattern. */
const BREACHES_MAX = 3;
/** Notes and inconclusive reasons kept a requirement. */
const NOTES_MAX = 20;
/** Characters kept of a text that a target may have a hand in. */
const TEXT_MAX = 1_000;
/** Witness steps kept a breach: more is no small witness. */
const STEPS_MAX = 40;
/** Characters of a frame, as `WitnessStep` says. */
const FRAME_MAX = 2_000;

/** Collects what a case says while it runs. */
export interface Recorder {
  check(id: RequirementId, holds: boolean, breach: Breach | (() => Breach)): boolean;
  note(id: RequirementId, text: string): void;
  inconclusive(id: RequirementId, because: string): void;
  /** Counts judgements and breaches that a checker made. */
  judged(id: RequirementId, count: number, broken: Readonly<Partial<Record<Reason, number>>>, breaches: readonly Breach[]): void;
  row(end: CaseEnd, because: string, startedAt: number, endedAt: number): CaseRow;
}

interface Draft {
  judged: number;
  readonly broken: Partial<Record<Reason, number>>;
  readonly kept: Partial<Record<Reason, number>>;
  readonly breaches: Breach[];
  readonly notes: string[];
  readonly inconclusive: string[];
}

/**
 * A recorder for one case. After `row` it takes nothing more, so that a case that overran its limit cannot change
 * what was told. An id that is not one of the case's throws a RangeError.
 */
export function createRecorder(definition: Pick<CaseDefinition, "name" | "title" | "phase" | "ids">): Recorder {
  const drafts = new Map<RequirementId, Draft>(
    definition.ids.map((id) => [id, { judged: 0, broken: {}, kept: {}, breaches: [], notes: [], inconclusive: [] }]),
  );
  let isSealed = false;
  const draftOf = (id: RequirementId): Draft => {
    const draft = drafts.get(id);
    if (draft === undefined) throw new RangeError(`case ${definition.name} judges ${id}, which is not among its ids`);
    return draft;
  };
  const keep = (draft: Draft, breach: Breach): void => {
    const kept = draft.kept[breach.reason] ?? 0;
    draft.kept[breach.reason] = kept + 1;
    if (kept < BREACHES_MAX) draft.breaches.push(trimBreach(breach));
  };
  const push = (list: string[], text: string): void => {
    const cut = cutText(text, TEXT_MAX);
    if (list.length < NOTES_MAX && !list.includes(cut)) list.push(cut);
  };
  return {
    check: (id, holds, breach) => {
      const draft = draftOf(id);
      if (isSealed) return holds;
      draft.judged += 1;
      if (holds) return true;
      const told = typeof breach === "function" ? breach() : breach;
      draft.broken[told.reason] = (draft.broken[told.reason] ?? 0) + 1;
      keep(draft, told);
      return false;
    },
    note: (id, text) => {
      const draft = draftOf(id);
      if (!isSealed) push(draft.notes, text);
    },
    inconclusive: (id, because) => {
      const draft = draftOf(id);
      if (!isSealed) push(draft.inconclusive, because);
    },
    judged: (id, count, broken, breaches) => {
      const draft = draftOf(id);
      if (isSealed) return;
      draft.judged += count;
      for (const [reason, times] of Object.entries(broken) as [Reason, number][])
        draft.broken[reason] = (draft.broken[reason] ?? 0) + times;
      for (const breach of breaches) keep(draft, breach);
    },
    row: (end, because, startedAt, endedAt) => {
      isSealed = true;
      const parts = [...drafts].map(([id, draft]): RowPart => ({
        id,
        judged: draft.judged,
        broken: { ...draft.broken },
        breaches: [...draft.breaches],
        notes: [...draft.notes],
        inconclusive: [...draft.inconclusive],
      }));
      return {
        name: definition.name,
        title: definition.title,
        phase: definition.phase,
        end,
        because: cutText(because, TEXT_MAX),
        startedAt,
        endedAt,
        parts,
      };
    },
  };
}

/** Whether any judgement of the part failed. */
export function isBroken(part: RowPart): boolean {
  return Object.keys(part.broken).length > 0;
}

function trimBreach(breach: Breach): Breach {
  const steps = breach.witness
    ?.slice(-STEPS_MAX)
    .map((step) => (step.frame === undefined ? step : { ...step, frame: cutText(step.frame, FRAME_MAX) }));
  return {
    reason: breach.reason,
    expected: cutText(breach.expected, TEXT_MAX),
    seen: cutText(breach.seen, TEXT_MAX),
    ...(steps === undefined ? {} : { witness: steps }),
  };
}

function cutText(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
