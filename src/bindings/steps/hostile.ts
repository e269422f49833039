import type { HostileFrame } from "../../core/binding.ts";

/**
 * Frames that no server of either dialect can use (STEP-ERR-03, STEP-ERR-02): none may change the document or reach
 * another member. What is special to one dialect stands in the cases.
 */
export const hostile: readonly HostileFrame[] = [
  { name: "no JSON", frame: "{" },
  { name: "a list", frame: "[]" },
  { name: "null", frame: "null" },
  { name: "a text", frame: '"x"' },
  { name: "no type", frame: "{}" },
  { name: "type of a wrong type", frame: '{"type":1}' },
  { name: "unknown type", frame: '{"type":"nope","timestamp":0}' },
  { name: "type of the prototype", frame: '{"type":"__proto__","timestamp":0}' },
  { name: "steps that are no list", frame: '{"type":"steps","steps":{"length":1},"version":0,"userId":"x","timestamp":0}' },
  { name: "a bare number", frame: "1e400" },
  { name: "deep nesting", frame: `{"type":"steps","steps":${"[".repeat(20_000)}${"]".repeat(20_000)}` },
  { name: "binary frame", frame: new Uint8Array([0, 255, 123, 125]) },
];
