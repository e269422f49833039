import type { HostileFrame } from "../../core/binding.ts";
import { callFrame, rawCallFrame } from "./codec.ts";
import { encodePack } from "./msgpack.ts";

/** Ids that no session uses for calls of its own so soon. */
const ID = 900_000;
const NOBODY = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";

/** Frames that a server cannot use. None of them may hurt the session of anybody else. */
export const hostile: readonly HostileFrame[] = [
  { name: "an argument that is no DAG-CBOR", frame: rawCallFrame("stream/query", Uint8Array.of(0xff, 0x00), ID) },
  { name: "an argument that is a text", frame: rawCallFrame("stream/query", "hello", ID + 1) },
  { name: "no argument", frame: encodePack({ type: 2, nsp: "/", id: ID + 2, data: ["stream/query"] }) },
  { name: "an argument without fields", frame: callFrame("stream/event_batch", {}, ID + 3) },
  { name: "a list for a map", frame: callFrame("stream/query", [], ID + 4) },
  { name: "events that are no bytes", frame: callFrame("stream/event_batch", { streamDid: NOBODY, events: ["x"] }, ID + 5) },
  { name: "an unknown stream", frame: callFrame("stream/info", { streamDid: NOBODY }, ID + 6) },
  { name: "an unknown event", frame: callFrame("stream/burn", {}, ID + 7) },
  { name: "a text frame that is no packet", frame: "4hello" },
  // A map whose `type` is a foreign value of two gigabytes, of which nothing is there.
  {
    name: "a value longer than its frame",
    frame: Uint8Array.of(0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xc9, 0x7f, 0xff, 0xff, 0xff, 0x00),
  },
  { name: "bytes that are no packet", frame: Uint8Array.of(0xc1, 0xc1) },
  {
    name: "a packet of another namespace",
    frame: encodePack({ type: 2, nsp: "/other", id: ID + 8, data: ["stream/info", new Uint8Array()] }),
  },
];
