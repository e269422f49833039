import type { HostileFrame } from "../../core/binding.ts";

/** A message with a payload of raw JSON text: some of these values no serialiser writes. */
function update(payload: string): string {
  return `{"type":"UPDATE_PLAYBACK","payload":${payload}}`;
}

/** Frames that a server can not use (PLAY-ERR-01). None of them may change a room's state or reach another member. */
export const hostile: readonly HostileFrame[] = [
  { name: "no JSON", frame: "{oops" },
  { name: "bare NaN", frame: "NaN" },
  { name: "null", frame: "null" },
  { name: "a list", frame: "[]" },
  { name: "no type", frame: '{"payload":{"currentTime":4242}}' },
  { name: "unknown type", frame: '{"type":"NOPE"}' },
  { name: "type of a wrong type", frame: '{"type":7,"payload":{"currentTime":4242}}' },
  { name: "no payload", frame: '{"type":"UPDATE_PLAYBACK"}' },
  { name: "payload null", frame: update("null") },
  { name: "payload text", frame: update('"x"') },
  { name: "mediaUrl of a wrong type", frame: update('{"mediaUrl":7,"currentTime":4242}') },
  { name: "mediaType of a wrong type", frame: update('{"mediaType":{},"currentTime":4242}') },
  { name: "isPlaying of a wrong type", frame: update('{"isPlaying":"yes","currentTime":4242}') },
  { name: "currentTime of a wrong type", frame: update('{"currentTime":"x","mediaType":"video/hostile"}') },
  { name: "playbackSpeed of a wrong type", frame: update('{"playbackSpeed":[2],"currentTime":4242}') },
  { name: "currentTime -1", frame: update('{"currentTime":-1}') },
  { name: "currentTime 1e400", frame: update('{"currentTime":1e400}') },
  { name: "currentTime 2^53", frame: update('{"currentTime":9007199254740992}') },
  { name: "binary frame", frame: new Uint8Array([0, 255, 123, 125]) },
];
