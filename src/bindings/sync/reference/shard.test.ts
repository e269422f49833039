import { encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { shardOfRoom } from "../../../core/room-shard.ts";
import { entityId } from "../rooms.ts";
import { readConfig } from "./config.ts";
import { startServer } from "./server.ts";

const ENV = { DID: "did:web:sync.example", PLC_URL: "http://127.0.0.1:1", DATA_DIR: ":memory:", UNSAFE_DEV_TOKEN: "dev" };

/** Subscribes to a document; gives how the socket ended, undefined while it is open after an exchange. */
async function subscribe(url: string, entity: string): Promise<{ readonly code: number; readonly reason: string } | undefined> {
  const ws = new WebSocket(`${url.replace(/^http/, "ws")}/sync/as/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa`, ["authorization", "dev"]);
  await new Promise((resolve) => ws.once("open", resolve));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    ws.once("close", (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  const answered = new Promise<undefined>((resolve) => ws.once("pong", () => resolve(undefined)));
  ws.send(encode({ type: "subscribe", entityId: entity, versionVector: Uint8Array.of(0) }));
  ws.ping();
  // Frames are taken in order: where the message was refused, the close is on its way before the ping is looked at.
  const outcome = await Promise.race([closed, answered]);
  ws.terminate();
  return outcome;
}

test("a document is served at its server, and elsewhere the socket is closed with the one that has it", async () => {
  const config = readConfig({ ...ENV, SHARD: "1/2" });
  if ("problem" in config) throw new Error(config.problem);
  const server = await startServer(config, () => undefined);
  try {
    for (const entity of Array.from({ length: 6 }, (_, n) => entityId(`shard ${n}`))) {
      const outcome = await subscribe(server.url, entity);
      if (shardOfRoom(entity, 2) === 0) expect(outcome, entity).toBeUndefined();
      else expect(outcome, entity).toEqual({ code: 4421, reason: "this document is on server 2 of 2" });
    }
  } finally {
    await server.stop();
  }
});
