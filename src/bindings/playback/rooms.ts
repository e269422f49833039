import type { Rooms } from "../../core/binding.ts";
import type { HttpAnswer } from "../../core/session.ts";
import { parseRoomMeta } from "./messages.ts";

/** The greatest `maxParticipants` that servers take; the creator counts. */
const MEMBERS_MAX = 50;
/** The least that they take. */
const MEMBERS_MIN = 2;

/** Full (P-14), and what says that the server goes, has a fault, or is to be asked later. Any other code may mean an unknown room (P-7). */
const STAY_CODES: ReadonlySet<number> = new Set([1001, 1006, 1011, 1012, 1013, 4403]);

/** Rooms are made by `POST /rooms`. The path stands without the target's base path. */
export const rooms: Extract<Rooms, { kind: "created" }> = {
  kind: "created",
  request: (label, places) => {
    if (places + 1 > MEMBERS_MAX)
      throw new RangeError(`a playback room holds ${MEMBERS_MAX} members with its creator; ${places} more were asked for`);
    const body = {
      // Names of less than 3 characters are refused.
      name: `room ${label}`,
      mediaUrl: "https://media.example/clip.mp4",
      mediaType: "video/mp4",
      maxParticipants: Math.max(MEMBERS_MIN, places + 1),
    };
    return { method: "POST", path: "/rooms", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  },
  parse: (answer) => {
    if (answer.status < 200 || answer.status > 299) return { failure: `status ${answer.status}: ${answer.body.slice(0, 200)}` };
    const room = roomOf(answer);
    return room === undefined ? { failure: `no roomId in ${answer.body.slice(0, 200)}` } : { room };
  },
  membersMax: MEMBERS_MAX,
  stayCodes: STAY_CODES,
};

/** The id alone is needed to go on; whether the rest is right is what PLAY-SESS-01 and PLAY-SESS-05 judge. */
function roomOf(answer: HttpAnswer): string | undefined {
  try {
    const body: unknown = JSON.parse(answer.body);
    const meta = parseRoomMeta(body);
    if (meta.ok) return meta.value.roomId;
    const room = typeof body === "object" && body !== null && "roomId" in body ? body.roomId : undefined;
    return typeof room === "string" && room !== "" ? room : undefined;
  } catch {
    return undefined;
  }
}
