import type { Playback, PlaybackState } from "../messages.ts";

/** A closed interval of milliseconds: of the media where it is a position, of the harness's clock where it is a time. */
export interface Span {
  readonly low: number;
  readonly high: number;
}

/** Anything: what is known of a position that the server does not promise to work out. */
const ANY: Span = { low: -Infinity, high: Infinity };

/** How far a worked-out position may be off (P-8). */
export const DRIFT_MS_MAX = 500;

/**
 * What a room must show (P-3): merged field by field, as one message a time. The position is kept as an interval that
 * held at some time of another interval, since a harness only knows between which two moments a server acted; so the
 * comparison stays sound at any distance.
 */
export interface Model {
  readonly mediaUrl: string;
  readonly mediaType: string;
  readonly isPlaying: boolean;
  readonly playbackSpeed: number;
  readonly position: Span;
  /** When `position` held. */
  readonly since: Span;
  readonly author: string;
  /** Whether the server works out positions while playing; otherwise they are not compared. */
  readonly positionMoves: boolean;
}

/** A room as it must be right after its creation, which happened during `at` (P-12). */
export function freshModel(created: Partial<Playback>, creator: string, at: Span, positionMoves: boolean): Model {
  return {
    mediaUrl: created.mediaUrl ?? "",
    mediaType: created.mediaType ?? "",
    isPlaying: created.isPlaying ?? false,
    playbackSpeed: 1,
    position: { low: 0, high: 0 },
    since: at,
    author: creator,
    positionMoves,
  };
}

/** Where the position is at some moment of `at`. */
export function positionAt(model: Model, at: Span): Span {
  if (!model.isPlaying) return model.position;
  if (!model.positionMoves) return ANY;
  const elapsedLow = Math.max(0, at.low - model.since.high);
  const elapsedHigh = Math.max(0, at.high - model.since.low);
  return { low: model.position.low + elapsedLow * model.playbackSpeed, high: model.position.high + elapsedHigh * model.playbackSpeed };
}

/** The model after an accepted update of `author` that the server took in during `at`. `{}` changes the author only. */
export function applyUpdate(model: Model, change: Partial<Playback>, author: string, at: Span): Model {
  const position = change.currentTime === undefined ? positionAt(model, at) : { low: change.currentTime, high: change.currentTime };
  return {
    ...model,
    mediaUrl: change.mediaUrl ?? model.mediaUrl,
    mediaType: change.mediaType ?? model.mediaType,
    isPlaying: change.isPlaying ?? model.isPlaying,
    playbackSpeed: change.playbackSpeed ?? model.playbackSpeed,
    position,
    since: at,
    author,
  };
}

/** A playback state as it came, whole or not. */
export type SeenState = { readonly [name in keyof PlaybackState]?: unknown };

/**
 * The first field in which a state differs from the model, in words; undefined when it fits. A field that is missing is
 * no difference here: whether states are whole is PLAY-CONV-05's matter.
 */
export function differenceFrom(model: Model, state: SeenState, at: Span): string | undefined {
  for (const name of ["mediaUrl", "mediaType", "isPlaying", "playbackSpeed"] as const) {
    if (state[name] !== undefined && state[name] !== model[name]) return `${name} is ${show(state[name])}, not ${show(model[name])}`;
  }
  if (state.lastUpdatedBy !== undefined && state.lastUpdatedBy !== model.author)
    return `lastUpdatedBy is ${show(state.lastUpdatedBy)}, not ${show(model.author)}`;
  const { low, high } = positionAt(model, at);
  // A position that was set is passed on as given; one that was worked out may drift.
  const drift = !model.isPlaying && low === high ? 0 : DRIFT_MS_MAX;
  const seen = state.currentTime;
  if (seen === undefined || (typeof seen === "number" && seen >= low - drift && seen <= high + drift)) return undefined;
  return `currentTime is ${show(seen)}, not ${spanText(low, high)}${drift === 0 ? "" : ` ± ${DRIFT_MS_MAX}`}`;
}

const FIELDS = ["mediaUrl", "mediaType", "isPlaying", "currentTime", "playbackSpeed", "lastUpdatedBy", "lastUpdated"] as const;

/**
 * The first field in which two states of one moment differ, in words. `elapsedMs`: the most that passed between the two
 * messages; a playing position may have moved by that much beside the drift.
 */
export function differenceBetween(
  left: PlaybackState,
  right: PlaybackState,
  elapsedMs: number,
  positionMoves: boolean,
): string | undefined {
  for (const name of FIELDS) {
    if (left[name] === right[name]) continue;
    if (name === "currentTime" && left.isPlaying && right.isPlaying) {
      if (!positionMoves) continue;
      const moved = right.currentTime - left.currentTime;
      if (moved >= -DRIFT_MS_MAX && moved <= elapsedMs * left.playbackSpeed + DRIFT_MS_MAX) continue;
    }
    return `${name} is ${show(right[name])} here, ${show(left[name])} there`;
  }
  return undefined;
}

/** What a room must show, in words. */
export function describeModel(model: Model, at: Span): string {
  const { low, high } = positionAt(model, at);
  return `${model.isPlaying ? "playing" : "paused"} ${show(model.mediaUrl)} (${model.mediaType}) at ${spanText(low, high)}, speed ${model.playbackSpeed}, by ${model.author}`;
}

function spanText(low: number, high: number): string {
  return low === high ? String(low) : `${Math.round(low)}…${Math.round(high)}`;
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
