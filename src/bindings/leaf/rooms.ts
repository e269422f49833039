import type { RoomOutcome, Rooms } from "../../core/binding.ts";
import type { Outbox, Session, SessionOptions } from "../../core/session.ts";
import { isCid } from "./dag-cbor.ts";
import { Link, type LinkEvent } from "./link.ts";
import { cidField, moduleToCbor, readResult, textField } from "./messages.ts";
import { REFERENCE_MODULE } from "./reference-module.ts";

/** Signs in, uploads the reference module, makes a stream of it, and tells its DID. */
function createMaker(options: SessionOptions, _label: string, made: (outcome: RoomOutcome) => void): Session {
  const link = new Link(options.basePath);
  let isOver = false;
  const end = (outcome: RoomOutcome): void => {
    if (isOver) return;
    isOver = true;
    made(outcome);
  };
  const take = (told: LinkEvent | undefined, out: Outbox): void => {
    if (told === undefined || isOver) return;
    if (told.kind === "authenticated") {
      link.call("module/upload", { module: moduleToCbor(REFERENCE_MODULE) }, out);
      return;
    }
    if (told.kind !== "ack")
      return told.kind === "notification" ? undefined : end({ failure: "text" in told ? told.text : "the server ended the session" });
    const read = readResult(told.payload);
    if (!read.ok) return end({ failure: read.problem });
    if (!read.value.ok) return end({ failure: read.value.error });
    const moduleCid = cidField(read.value.value, "moduleCid");
    const streamDid = textField(read.value.value, "streamDid");
    if (isCid(moduleCid)) link.call("stream/create", { moduleCid }, out);
    else if (streamDid === undefined) end({ failure: "an answer without module or stream" });
    else end({ room: streamDid });
  };
  return {
    start: (nowMs, out) => link.begin(nowMs, out),
    opened: (nowMs) => link.opened(nowMs),
    reply: (tag, answer, nowMs, out) => {
      const failure = link.reply(tag, answer, nowMs, out);
      if (failure !== undefined) end(failure);
    },
    frame: (frame, nowMs, out) => take(link.frame(frame, nowMs, out), out),
    closed: (code, reason) => end({ failure: `closed with ${code} ${reason}`.trim() }),
    expected: () => {},
    invoke: () => {},
    wake: () => {},
  };
}

/** A room is a stream: made over the socket by a signed-in user, who owns it. */
export const rooms: Extract<Rooms, { kind: "opened" }> = { kind: "opened", session: createMaker, membersMax: undefined };
