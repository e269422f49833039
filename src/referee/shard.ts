import type { MeetMessage, RegisterMessage, RunPlan, WorkerDone } from "../core/referee.ts";
import type { RefereeWish } from "../core/witness.ts";

/** A part of a shard that speaks for itself: the one parent of our own engine's workers, or a VU of k6. */
export interface Speaker {
  heardMs: number;
  /** Requests of it that are being answered. */
  open: number;
  readonly points: Set<MeetMessage["point"]>;
  isLast: boolean;
  done: readonly WorkerDone[] | undefined;
  /** What it is to be told when it asks next; used where a shard has several. */
  wish: RefereeWish;
}

/** A shard as its referee knows it. */
export interface Shard {
  readonly index: number;
  readonly session: string;
  readonly about: RegisterMessage;
  readonly speakers: readonly Speaker[];
  /** Which speaker told of each room, by the room's id; kept where there are several. */
  readonly owners: Map<string, number>;
  boundMs: number;
  isReady: boolean;
  isTold: boolean;
}

const NOTHING: RefereeWish = { agreed: [], show: [] };

export function createShard(about: RegisterMessage, session: string, nowMs: number): Shard {
  const speaker = (): Speaker => ({ heardMs: nowMs, open: 0, points: new Set(), isLast: false, done: undefined, wish: NOTHING });
  return {
    index: about.shard,
    session,
    about,
    speakers: Array.from({ length: about.speakers ?? 1 }, speaker),
    owners: new Map(),
    boundMs: Infinity,
    isReady: false,
    isTold: false,
  };
}

/** What all its speakers have measured; undefined while some have not handed it in. */
export function doneOf({ speakers }: Shard): readonly WorkerDone[] | undefined {
  return speakers.every(({ done }) => done !== undefined) ? speakers.flatMap(({ done }) => done ?? []) : undefined;
}

/** All its speakers have said their last word on their streams. */
export function hasSaidLast({ speakers }: Shard): boolean {
  return speakers.every(({ isLast }) => isLast);
}

/**
 * Since when nothing was heard of the one that has been silent longest; undefined when each is being answered or is
 * done. In words, which one.
 */
export function silenceOf({ speakers }: Shard): { readonly sinceMs: number; readonly who: string } | undefined {
  let longest: { readonly sinceMs: number; readonly who: string } | undefined;
  for (const [index, { open, done, heardMs }] of speakers.entries()) {
    if (open > 0 || done !== undefined || heardMs >= (longest?.sinceMs ?? Infinity)) continue;
    longest = { sinceMs: heardMs, who: speakers.length === 1 ? "" : ` (VU ${index + 1} of ${speakers.length})` };
  }
  return longest;
}

/**
 * What one speaker is to be told of what is wished of its shard; what is for others waits for them. Wishes name rooms,
 * and within a shard each room has one speaker.
 */
export function wishFor(shard: Shard, index: number, wished: RefereeWish): RefereeWish {
  const { speakers, owners } = shard;
  if (speakers.length === 1) return wished;
  for (const [owner, speaker] of speakers.entries()) {
    const isOwn = ({ room }: { readonly room: string }): boolean => owners.get(room) === owner;
    const [agreed, show] = [wished.agreed.filter(isOwn), wished.show.filter(isOwn)];
    if (agreed.length + show.length > 0)
      speaker.wish = { agreed: [...speaker.wish.agreed, ...agreed], show: [...speaker.wish.show, ...show] };
  }
  const speaker = speakers[index];
  if (speaker === undefined) return NOTHING;
  const { wish } = speaker;
  speaker.wish = NOTHING;
  return wish;
}

/** What two plans differ in, with both values; undefined when they are one. */
export function differenceOf(one: RunPlan, other: RunPlan): string | undefined {
  const flat = ({ parameters, ...rest }: RunPlan): Record<string, unknown> => ({ ...rest, ...parameters });
  const [left, right] = [flat(one), flat(other)];
  const name = Object.keys({ ...left, ...right }).find((key) => left[key] !== right[key]);
  return name === undefined ? undefined : `${name} is ${String(right[name])} here and ${String(left[name])} there`;
}
