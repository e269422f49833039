import type { HostileFrame } from "../../core/binding.ts";

/** Frames that either leg must ignore or refuse without harm (ROB-01). */
export const hostile: readonly HostileFrame[] = [
  { name: "half-json", frame: "{" },
  { name: "null", frame: "null" },
  { name: "array", frame: "[]" },
  { name: "unknown-type", frame: '{"type":"x"}' },
  { name: "unknown-action", frame: '{"action":"x"}' },
  { name: "message-without-data", frame: '{"type":"message"}' },
  { name: "typing-without-user", frame: '{"type":"typing","isTyping":true}' },
  { name: "load-without-id", frame: '{"action":"load","header":false,"sessions":{}}' },
  { name: "bad-id", frame: '{"action":"load","id":"co_zIIII","header":false,"sessions":{}}' },
  { name: "no-id", frame: '{"action":"load","id":"nonsense","header":false,"sessions":{}}' },
  { name: "binary", frame: Uint8Array.of(0x7b, 0x7d) },
];
