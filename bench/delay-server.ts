import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { type WebSocket, WebSocketServer } from "ws";
import { createPrng } from "../src/core/prng.ts";
import { createHdr } from "../src/engines/node/hdr.ts";

/**
 * A server that speaks enough playback for a load run and holds every write back for a known time, `DELAY_MS` ±
 * `JITTER_MS` (evenly). How long it did hold each, from the reading of the write to the sending of each copy, it keeps
 * in a histogram of its own: the truth that the harness is held against. `GET /truth` gives it and begins a new one.
 */
const delayMs = Number(process.env["DELAY_MS"] ?? 0);
const jitterMs = Number(process.env["JITTER_MS"] ?? 0);
const prng = createPrng("delay-server");

interface Room {
  readonly id: string;
  readonly members: Map<WebSocket, string>;
  state: object | null;
  /** Writes leave in the order they came, whatever their jitter. */
  freeMs: number;
}

const rooms = new Map<string, Room>();
let held = createHdr();

function meta({ id }: Room): object {
  return { roomId: id, name: "bench", hostId: "bench", isPublic: true, maxParticipants: 50, createdAt: new Date(0).toISOString() };
}

function write(room: Room, author: string, payload: object): void {
  const readMs = performance.now();
  const wantedMs = delayMs + (prng.next() * 2 - 1) * jitterMs;
  room.freeMs = Math.max(room.freeMs, readMs + wantedMs);
  const send = (): void => {
    const before = room.state ?? { mediaUrl: "", mediaType: "video/mp4", isPlaying: false, currentTime: 0, playbackSpeed: 1 };
    room.state = { ...before, ...payload, lastUpdatedBy: author, lastUpdated: new Date().toISOString() };
    const frame = Buffer.from(JSON.stringify({ type: "PLAYBACK_UPDATED", payload: room.state }));
    for (const member of room.members.keys()) {
      member.send(frame, { binary: false });
      held.record(performance.now() - readMs);
    }
  };
  if (room.freeMs <= readMs) send();
  else setTimeout(send, room.freeMs - readMs);
}

const http = createServer((request, response) => {
  const answer = (status: number, body: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  if (request.method === "POST" && request.url?.startsWith("/rooms") === true) {
    const room: Room = { id: randomUUID(), members: new Map(), state: null, freeMs: 0 };
    rooms.set(room.id, room);
    request.resume().on("end", () => answer(201, meta(room)));
  } else if (request.url === "/truth") {
    answer(200, { count: held.count, p50: held.percentileMs(50), p99: held.percentileMs(99) });
    held = createHdr();
  } else answer(request.url === "/healthz" ? 200 : 404, {});
});

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
http.on("upgrade", (request, socket, head) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  const room = rooms.get(url.pathname.split("/")[2] ?? "");
  if (room === undefined) return void socket.destroy();
  sockets.handleUpgrade(request, socket, head, (member) => {
    const user = url.searchParams.get("user") ?? "";
    room.members.set(member, user);
    member.on("close", () => room.members.delete(member));
    member.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { readonly type: string; readonly payload?: object };
      if (message.type === "UPDATE_PLAYBACK") write(room, user, message.payload ?? {});
      else if (message.type === "SYNC_REQUEST") {
        const payload = { ...meta(room), members: [...room.members.values()], playbackState: room.state };
        member.send(JSON.stringify({ type: "SYNC_FULL_STATE", payload }));
      }
    });
  });
});

http.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1");
