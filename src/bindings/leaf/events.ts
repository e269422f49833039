import { type Marker, markerSum } from "../../core/marker.ts";
import { type CborMap, decodeCbor, encodeCbor, isMap } from "./dag-cbor.ts";

/** The payload of an event of the reference module (L-6). */
export interface ChatEvent {
  readonly eid?: string;
  readonly kind: string;
  readonly room?: string;
  readonly body?: string;
  readonly target?: string;
  readonly did?: string;
}

/** An event as a reader of the stream has it. */
export interface StoredEvent {
  readonly idx: number;
  readonly user: string;
  readonly event: ChatEvent;
}

export function encodeEvent(event: ChatEvent): Uint8Array {
  return encodeCbor({ ...event });
}

/** The event in a payload; undefined when it is no map with a kind. Fields of another type count as absent. */
export function decodeEvent(payload: Uint8Array): ChatEvent | undefined {
  const decoded = decodeCbor(payload);
  if (!decoded.ok || !isMap(decoded.value)) return undefined;
  const map = decoded.value;
  const { kind } = map;
  if (typeof kind !== "string") return undefined;
  return { kind, ...field(map, "eid"), ...field(map, "room"), ...field(map, "body"), ...field(map, "target"), ...field(map, "did") };
}

function field(map: CborMap, name: string): { readonly [name: string]: string } {
  const value = map[name];
  return typeof value === "string" ? { [name]: value } : {};
}

/** What the marker's sum covers. */
function covered(event: ChatEvent, words: string): string {
  return `${event.kind}|${event.room ?? ""}|${event.target ?? ""}|${words}`;
}

/** The event with a marker behind its words, and the id that belongs to it. */
export function markEvent(event: ChatEvent, marker: Pick<Marker, "run" | "author" | "n">): ChatEvent {
  const { run, author, n } = marker;
  const words = event.body ?? "";
  return { ...event, eid: eidOf(marker), body: `${words} ~${run}~${author}~${n}~${markerSum(run, author, n, covered(event, words))}` };
}

/** The id of a marked event: the same write has the same id each time it is sent. */
export function eidOf({ run, author, n }: Pick<Marker, "run" | "author" | "n">): string {
  return `${run}-${author}-${n}`;
}

const MARKED = /^([\s\S]*) ~([0-9A-Za-z]+)~(\d{1,9})~(\d{1,9})~([0-9a-f]{8})$/;

/** The marker of an event; undefined when it carries none. */
export function markerOf(event: ChatEvent): Marker | undefined {
  const [, words, run, author, n, sum] = MARKED.exec(event.body ?? "") ?? [];
  if (words === undefined || run === undefined) return undefined;
  const [by, count] = [Number(author), Number(n)];
  return { run, author: by, n: count, intact: markerSum(run, by, count, covered(event, words)) === sum };
}

/** An event as canonical text, equal at two readers if and only if they got the same. */
export function eventText({ idx, user, event }: StoredEvent): string {
  return JSON.stringify([idx, user, event.eid, event.kind, event.room, event.target, event.did, event.body]);
}
