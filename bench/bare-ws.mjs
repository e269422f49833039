import { build } from "hdr-histogram-js";
import { WebSocket } from "ws";

/**
 * The baseline: what anybody writes first. Plain `ws` clients that send the frames our clients send, at the same
 * rate, decode what comes as JSON and record an HDR histogram. It checks nothing. Fixed; do not tune it. JavaScript, so
 * that no memory of a type stripper counts against it.
 *
 * Arguments: base URL, clients, rooms, writes a second and client, ramp ms, duration ms. Prints one JSON line.
 */
const [url = "", ...figures] = process.argv.slice(2);
const [clients = 0, rooms = 1, rate = 1, rampMs = 0, durationMs = 0] = figures.map(Number);
const histogram = build({ highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3 });
let received = 0;
let sent = 0;

const roomIds = await Promise.all(
  Array.from({ length: rooms }, async (_, index) => {
    const body = JSON.stringify({ name: `bench-${index}`, maxParticipants: 50 });
    const answer = await fetch(`${url}/rooms?user=bench-creator`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    return (await answer.json()).roomId;
  }),
);

const startMs = performance.now();
const actMs = startMs + rampMs;
const endMs = actMs + durationMs;

function play(index) {
  const room = roomIds[index % rooms];
  const socket = new WebSocket(`${url.replace("http", "ws")}/rooms/${room}/ws?user=user-${index}`, { perMessageDeflate: false });
  let n = 0;
  let plannedMs = actMs;
  const next = () => {
    plannedMs += (-Math.log(1 - Math.random()) * 1000) / rate;
    if (plannedMs < endMs) setTimeout(act, plannedMs - performance.now());
  };
  const act = () => {
    n += 1;
    sent += 1;
    const mediaUrl = `https://media.example/clip.mp4#r=bench0&a=${index}&n=${n}&s=800000000&t=${Math.round(plannedMs * 1000)}`;
    socket.send(JSON.stringify({ type: "UPDATE_PLAYBACK", payload: { isPlaying: n % 2 === 0, currentTime: n * 1000, mediaUrl } }));
    next();
  };
  socket.on("open", next);
  socket.on("message", (data) => {
    // oxlint-disable-next-line typescript/no-base-to-string -- ws gives a Buffer
    const message = JSON.parse(data.toString());
    if (message.type !== "PLAYBACK_UPDATED") return;
    received += 1;
    const at = message.payload.mediaUrl?.lastIndexOf("&t=") ?? -1;
    if (at > 0) histogram.recordValue(Math.max(1, Math.round(performance.now() * 1000) - Number(message.payload.mediaUrl?.slice(at + 3))));
  });
  socket.on("error", (error) => process.stderr.write(`${error.message}\n`));
}

for (let index = 0; index < clients; index += 1) setTimeout(() => play(index), (index / clients) * rampMs * 0.9);
setTimeout(() => {
  const cpuFrom = process.cpuUsage();
  const before = { received, sent };
  setTimeout(() => {
    const cpu = process.cpuUsage(cpuFrom);
    process.stdout.write(
      `${JSON.stringify({
        messages: received - before.received + sent - before.sent,
        cpuMs: (cpu.user + cpu.system) / 1000,
        residentBytes: process.memoryUsage.rss(),
        p50Ms: histogram.getValueAtPercentile(50) / 1000,
        p99Ms: histogram.getValueAtPercentile(99) / 1000,
      })}\n`,
    );
    process.exit(0);
  }, durationMs);
}, rampMs);
