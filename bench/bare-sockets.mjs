import { randomBytes } from "node:crypto";
import { connect } from "node:net";

/**
 * What the sockets alone cost: TCP connections of Node's own, upgraded, that read into one shared buffer and look at
 * nothing. Writes go out as those of the others. Arguments: base URL, clients, rooms, writes a second and client, ramp
 * ms, duration ms. It ends by itself and says nothing.
 */
const [url = "", ...figures] = process.argv.slice(2);
const [clients = 0, rooms = 1, rate = 1, rampMs = 0, durationMs = 0] = figures.map(Number);
const { hostname, port } = new URL(url);
const buffer = new Uint8Array(64 * 1024);
const actMs = performance.now() + rampMs;
const endMs = actMs + durationMs;

const roomIds = await Promise.all(
  Array.from({ length: rooms }, async (_, index) => {
    const body = JSON.stringify({ name: `bench-${index}`, maxParticipants: 50 });
    const headers = { "content-type": "application/json" };
    return (await (await fetch(`${url}/rooms?user=bench-creator`, { method: "POST", body, headers })).json()).roomId;
  }),
);

/** A text message of less than 64 KiB, masked. */
function frameOf(text) {
  const mask = randomBytes(4);
  const payload = Buffer.from(text).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  const header = payload.length < 126 ? [0x81, 0x80 | payload.length] : [0x81, 0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from(header), mask, payload]);
}

function play(index) {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true, onread: { buffer, callback: () => true } });
  let n = 0;
  let plannedMs = actMs;
  const next = () => {
    plannedMs += (-Math.log(1 - Math.random()) * 1000) / rate;
    if (plannedMs < endMs) setTimeout(act, Math.max(1, plannedMs - performance.now()));
  };
  const act = () => {
    n += 1;
    const mediaUrl = `https://media.example/clip.mp4#r=bench0&a=${index}&n=${n}&s=800000000`;
    socket.write(
      frameOf(JSON.stringify({ type: "UPDATE_PLAYBACK", payload: { isPlaying: n % 2 === 0, currentTime: n * 1000, mediaUrl } })),
    );
    next();
  };
  socket.on("connect", () => {
    const lines = [
      `GET /rooms/${roomIds[index % rooms]}/ws?user=user-${index} HTTP/1.1`,
      `host: ${hostname}:${port}`,
      "connection: Upgrade",
      "upgrade: websocket",
      "sec-websocket-version: 13",
      `sec-websocket-key: ${randomBytes(16).toString("base64")}`,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    next();
  });
  socket.on("error", (error) => process.stderr.write(`${error.message}\n`));
}

for (let index = 0; index < clients; index += 1) setTimeout(() => play(index), (index / clients) * rampMs * 0.9);
setTimeout(() => process.exit(0), rampMs + durationMs + 2000);
