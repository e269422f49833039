import type { HostileFrame } from "../../core/binding.ts";
import { clientFrame } from "./codec.ts";
import { NOTHING } from "./messages.ts";
import { packMap } from "./msgpack.ts";
import { entityId } from "./rooms.ts";

const ENTITY = entityId("hostile");
const JUNK = Uint8Array.of(1, 2, 3, 255);

/** Frames that a server can not use (Y-3b). None of them may be stored or delivered, or touch another socket. */
export const hostile: readonly HostileFrame[] = [
  { name: "text frame", frame: '{"type":"unsubscribe"}' },
  { name: "no msgpack", frame: Uint8Array.of(0xc1) },
  { name: "cut map", frame: Uint8Array.of(0x83, 0xa4) },
  { name: "empty frame", frame: new Uint8Array() },
  { name: "a number", frame: Uint8Array.of(7) },
  { name: "a list", frame: Uint8Array.of(0x90) },
  { name: "nested deep", frame: new Uint8Array(5_000).fill(0x91) },
  { name: "no type", frame: packMap({ entityId: ENTITY }) },
  { name: "unknown type", frame: packMap({ type: "shout", entityId: ENTITY }) },
  { name: "no entity", frame: packMap({ type: "sendUpdate", update: JUNK }) },
  { name: "entity as bytes", frame: packMap({ type: "unsubscribe", entityId: JUNK }) },
  { name: "no update", frame: packMap({ type: "sendUpdate", entityId: ENTITY }) },
  { name: "update as text", frame: packMap({ type: "sendUpdate", entityId: ENTITY, update: "loro" }) },
  { name: "no version vector", frame: packMap({ type: "subscribe", entityId: ENTITY }) },
  { name: "entity without leaf", frame: clientFrame({ type: "subscribe", entityId: ENTITY.slice(5), versionVector: NOTHING }) },
  { name: "entity too short", frame: clientFrame({ type: "subscribe", entityId: ENTITY.slice(0, -1), versionVector: NOTHING }) },
  { name: "entity in capitals", frame: clientFrame({ type: "subscribe", entityId: ENTITY.toUpperCase(), versionVector: NOTHING }) },
  { name: "entity like a storage key", frame: clientFrame({ type: "subscribe", entityId: "tokens/x", versionVector: NOTHING }) },
  { name: "update that is no Loro", frame: clientFrame({ type: "sendUpdate", entityId: ENTITY, update: JUNK }) },
  {
    name: "version vector that is none",
    frame: clientFrame({ type: "subscribe", entityId: ENTITY, versionVector: Uint8Array.of(9, 9, 9) }),
  },
];
