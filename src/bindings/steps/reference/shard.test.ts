import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { shardOfRoom } from "../../../core/room-shard.ts";
import { serve } from "./testing.ts";

/** Joins a room and gives the type of the answer, and its code. */
async function join(url: string, room: string): Promise<{ readonly type: unknown; readonly code: unknown; readonly message: unknown }> {
  const ws = new WebSocket(`${url.replace(/^http/, "ws")}/collab/${room}`);
  await new Promise((resolve) => ws.once("open", resolve));
  const answer = new Promise<string>((resolve) => ws.once("message", (data: Buffer) => resolve(data.toString())));
  ws.send(JSON.stringify({ type: "join", userId: "ann" }));
  const { type, code, message } = JSON.parse(await answer) as Record<string, unknown>;
  expect(ws.readyState).toBe(WebSocket.OPEN);
  ws.close();
  return { type, code, message };
}

test("[STEP-CAP-03] a room is let in at its server, and elsewhere refused with the server that has it", async () => {
  await using server = await serve({ SHARD: "2/3" });
  const rooms = Array.from({ length: 12 }, (_, n) => `notes-${n}`);
  for (const room of rooms) {
    const shard = shardOfRoom(room, 3);
    const answer = await join(server.url, room);
    if (shard === 1) expect(answer, room).toMatchObject({ type: "doc-snapshot" });
    else expect(answer, room).toEqual({ type: "error", code: "wrong_server", message: `this room is on server ${shard + 1} of 3` });
  }
});

test("a part that is none is named at the start", async () => {
  await expect(serve({ SHARD: "4/3" })).rejects.toThrow("SHARD must be such as 2/3");
});
