import { SharedArray } from "k6/data";
import exec from "k6/execution";
import { Trend } from "k6/metrics";
import { WebSocket } from "k6/websockets";

/**
 * The load of bench/bare-ws.mjs as a k6 script: the same frames at the same rate, what comes is decoded as JSON and its
 * latency goes into a Trend. It checks nothing. SOCKETS sockets a virtual user share one JavaScript runtime.
 */
const [clients, sockets, rate, rampMs, durationMs] = ["CLIENTS", "SOCKETS", "RATE", "RAMP_MS", "DURATION_MS"].map((name) =>
  Number(__ENV[name]),
);
const url = __ENV.URL.replace("http", "ws");
const rooms = new SharedArray("rooms", () => JSON.parse(open(__ENV.ROOMS)));
const latency = new Trend("message_latency", true);

export const options = {
  scenarios: {
    rooms: {
      executor: "per-vu-iterations",
      vus: Math.ceil(clients / sockets),
      iterations: 1,
      maxDuration: `${Math.ceil((rampMs + durationMs) / 1000) + 30}s`,
    },
  },
};

function play(index, actMs, endMs) {
  const socket = new WebSocket(`${url}/rooms/${rooms[index % rooms.length]}/ws?user=user-${index}`);
  let n = 0;
  let plannedMs = actMs;
  const next = () => {
    plannedMs += (-Math.log(1 - Math.random()) * 1000) / rate;
    if (plannedMs < endMs) setTimeout(act, Math.max(0, plannedMs - Date.now()));
  };
  const act = () => {
    n += 1;
    const mediaUrl = `https://media.example/clip.mp4#r=bench0&a=${index}&n=${n}&s=800000000&t=${Math.round(plannedMs * 1000)}`;
    socket.send(JSON.stringify({ type: "UPDATE_PLAYBACK", payload: { isPlaying: n % 2 === 0, currentTime: n * 1000, mediaUrl } }));
    next();
  };
  socket.onopen = () => {
    setTimeout(() => socket.close(), Math.max(0, endMs - Date.now()));
    next();
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type !== "PLAYBACK_UPDATED") return;
    const at = message.payload.mediaUrl.lastIndexOf("&t=");
    if (at > 0) latency.add(Date.now() - Number(message.payload.mediaUrl.slice(at + 3)) / 1000);
  };
}

// oxlint-disable-next-line import/no-default-export -- k6 calls the default export.
export default function run() {
  const first = (exec.vu.idInTest - 1) * sockets;
  const beganMs = exec.scenario.startTime;
  const actMs = beganMs + rampMs;
  for (let index = first; index < Math.min(clients, first + sockets); index += 1) {
    setTimeout(() => play(index, actMs, actMs + durationMs), Math.max(0, beganMs + (index / clients) * rampMs * 0.9 - Date.now()));
  }
}
