import { type Marker, markerSum } from "../../core/marker.ts";
import type { Json, Op } from "../../core/op.ts";
import type { Frame } from "../../core/session.ts";
import { type Parsed, type PlayIn, type PlayOut, type PlaybackState, parsePlayIn, parsePlayOut } from "./messages.ts";

/** Media of a marked write that names none itself. */
export const DEFAULT_MEDIA = "https://media.example/clip.mp4";

/**
 * Characters of a frame that is still parsed. A server's messages hold what clients may send (1 MiB) and a list of
 * members; four times that is no message of this protocol but an attack on the reader.
 */
export const FRAME_CHARACTERS_MAX: number = 4 * 1024 * 1024;

/**
 * Fields beside `mediaUrl` that a marked write may set, in the order of their bits in the mask. The sum covers those
 * that the write did set: a broadcast holds the whole state, and the rest of it is other writes' doing.
 */
const MASKED = ["mediaType", "isPlaying", "currentTime", "playbackSpeed"] as const;

const MARKER = /^([\s\S]*)#r=([^&#]*)&a=([0-9]{1,9})&n=([0-9]{1,9})&s=([0-9a-f])([0-9a-f]{8})$/;
const MARKER_REMAINS = /#r=([^&#]*)&a=([0-9]{1,9})&n=([0-9]{1,9})/;

type Playing = Readonly<Partial<Record<(typeof MASKED)[number], unknown>>>;

function parseJson<T>(frame: Frame, parse: (value: unknown) => Parsed<T>): Parsed<T> {
  if (typeof frame !== "string") return { ok: false, problem: "binary frame; the protocol has text only" };
  if (frame.length > FRAME_CHARACTERS_MAX) return { ok: false, problem: `frame of ${frame.length} characters` };
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return { ok: false, problem: "text that is no JSON" };
  }
  return parse(value);
}

/** Reads a frame of a server. Never throws. */
export function readServerFrame(frame: Frame): Parsed<PlayOut> {
  return parseJson(frame, parsePlayOut);
}

/** Reads a frame of a client. Never throws. */
export function readClientFrame(frame: Frame): Parsed<PlayIn> {
  return parseJson(frame, parsePlayIn);
}

export const SYNC_REQUEST: string = JSON.stringify({ type: "SYNC_REQUEST" });
export const HEARTBEAT: string = JSON.stringify({ type: "HEARTBEAT" });

/** `UPDATE_PLAYBACK` with `value` as its payload as it is, and the marker in its `mediaUrl` when there is one. */
export function updateFrame(value: Json, marker: Marker | undefined): string {
  return JSON.stringify({ type: "UPDATE_PLAYBACK", payload: marker === undefined ? value : marked(value, marker) });
}

/**
 * The frame of an act.
 * @throws RangeError for acts that this protocol has no frame for: presence, and leaving, which closes the socket.
 */
export function encodeOp(op: Op): string {
  switch (op.kind) {
    case "write":
      return updateFrame(op.value, op.marker);
    case "read":
      return SYNC_REQUEST;
    case "keepalive":
      return HEARTBEAT;
    case "presence":
    case "leave":
      throw new RangeError(`playback has no frame for the act "${op.kind}"`);
  }
}

/** A payload that is no object cannot carry a marker and goes as it is. */
function marked(value: Json, marker: Marker): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const fields = value as Readonly<Record<string, Json>>;
  const given = fields["mediaUrl"];
  const base = typeof given === "string" ? given : DEFAULT_MEDIA;
  return { ...fields, mediaUrl: markUrl(base, fields, marker) };
}

/**
 * A media URL with a marker behind it: `…#r=<run>&a=<author>&n=<n>&s=<mask><sum>`.
 * @param set the write's fields; those absent are not covered.
 */
export function markUrl(base: string, set: Playing, marker: Marker): string {
  let mask = 0;
  for (let bit = 0; bit < MASKED.length; bit += 1) {
    const name = MASKED[bit];
    if (name !== undefined && set[name] !== undefined) mask |= 1 << bit;
  }
  const sum = markerSum(marker.run, marker.author, marker.n, covered(base, set, mask));
  return `${base}#r=${encodedRun(marker.run)}&a=${marker.author}&n=${marker.n}&s=${mask.toString(16)}${sum}`;
}

/** What a sum is made over: the base URL and the fields of the mask, each as JSON, so that no two payloads read alike. */
function covered(base: string, values: Playing, mask: number): string {
  let text = `${mask}${json(base)}`;
  for (let bit = 0; bit < MASKED.length; bit += 1) {
    const name = MASKED[bit];
    if (name !== undefined && (mask & (1 << bit)) !== 0) text += `,${json(values[name])}`;
  }
  return text;
}

/** As `JSON.stringify`, which takes longer for the numbers and flags that most fields are. */
function json(value: unknown): string {
  if (typeof value === "number" && Number.isFinite(value)) return `${value}`;
  if (typeof value === "boolean") return value ? "true" : "false";
  return JSON.stringify(value);
}

/**
 * The marker of a state; undefined when its `mediaUrl` has none. `verify` holds the sum against the state's fields, which
 * is right for the broadcast of the marked write itself. Later a position has moved and other writes have set other
 * fields: then only the form can be looked at. Remains of a marker count as one that is not intact.
 */
export function markerOf(state: PlaybackState, verify: boolean): Marker | undefined {
  const found = MARKER.exec(state.mediaUrl);
  if (found === null) {
    const remains = MARKER_REMAINS.exec(state.mediaUrl);
    return remains === null
      ? undefined
      : { run: decoded(remains[1] ?? ""), author: Number(remains[2]), n: Number(remains[3]), intact: false };
  }
  const [, base = "", run = "", author = "", n = "", mask = "0", sum] = found;
  const marker = { run: decoded(run), author: Number(author), n: Number(n) };
  const intact = !verify || markerSum(marker.run, marker.author, marker.n, covered(base, state, parseInt(mask, 16))) === sum;
  return { ...marker, intact };
}

/** The run whose name was encoded last: there is one at a time. */
let run = { name: "", encoded: "" };

function encodedRun(name: string): string {
  if (run.name !== name) run = { name, encoded: encodeText(name) };
  return run.encoded;
}

/** Percent-encoding that takes any text: what is no Unicode (a lone surrogate) becomes U+FFFD. */
export function encodeText(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return encodeURIComponent(text.replace(/[\uD800-\uDFFF]/gu, "\uFFFD"));
  }
}

function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Canonical text of a playback state, equal at two members if and only if they agree. While media plays, the position
 * moves between any two looks at one state and stands as null; its truth is judged by time (PLAY-CONV-09), and that of
 * a marked write by the marker's sum.
 */
export function canonicalText(state: PlaybackState | null): string {
  if (state === null) return "null";
  const { mediaUrl, mediaType, isPlaying, currentTime, playbackSpeed, lastUpdatedBy, lastUpdated } = state;
  return JSON.stringify({
    mediaUrl,
    mediaType,
    isPlaying,
    currentTime: isPlaying ? null : currentTime,
    playbackSpeed,
    lastUpdatedBy,
    lastUpdated,
  });
}
