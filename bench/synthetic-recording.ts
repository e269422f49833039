import type { Panel } from "../src/core/checker.ts";
import type { OrderModel } from "../src/core/binding.ts";

const recording = (await import(
  new URL("../dist/src/recording/index.js", import.meta.url).href
)) as typeof import("../src/recording/index.ts");
const { MemoryLedger } = (await import(
  new URL("../dist/src/checkers/ledger.js", import.meta.url).href
)) as typeof import("../src/checkers/ledger.ts");
const { createHdr } = (await import(
  new URL("../dist/src/engines/node/hdr.js", import.meta.url).href
)) as typeof import("../src/engines/node/hdr.ts");
const { version } = (await import(new URL("../dist/src/cli/version.js", import.meta.url).href)) as typeof import("../src/cli/version.ts");

/** Rooms of ten, as in the runs that are measured. */
const MEMBERS = 10;
const ROOMS = 200;
const CLIENTS = MEMBERS * ROOMS;
const ORDER_MODEL: OrderModel = "total";
const ORIGIN_MS = 1000;
/** 22,000 deliveries a second. */
const STEP_MS = 0.045;
const SECOND_MS = 1000;
/** Events between two looks at whether the disk keeps up. */
const PAUSE_EVENTS = 100_000;
const SILENT: Panel = { observe: () => undefined, finish: () => [] };

/**
 * Writes what a worker would write of a faultless run of `observations` events, with frames like those of playback:
 * every write is asked for, sent, decoded by its first receiver and recognised by nine others.
 */
export async function writeRecording(path: string, observations: number): Promise<number> {
  const file = await recording.createChunkFile(path);
  const run = "bench0";
  const parameters = { clients: CLIENTS, rooms: ROOMS, ratePerSecond: 1, durationMs: 0, rampMs: 0, churnPerMinute: 0 };
  file.document(recording.CHUNK.header, {
    format: "rollcall/recording@1",
    version,
    run,
    seed: "bench",
    binding: "playback",
    orderModel: ORDER_MODEL,
    echo: true,
    scenario: "watch-party",
    parameters,
    shard: { index: 0, count: 1 },
    presence: false,
    originMs: ORIGIN_MS,
    about: {
      startedAt: new Date(0).toISOString(),
      target: "playback",
      url: "http://127.0.0.1:1",
      name: "playback",
      dialect: "published",
      timeScale: 1,
      known: [],
      profile: "mvp",
      failOnWarning: false,
      allowInconclusive: false,
      workers: 1,
    },
  });
  const recorder = new recording.Recorder({ sink: file, run, originMs: ORIGIN_MS });
  const inner = new MemoryLedger({ orderModel: ORDER_MODEL, echo: true, run, slots: CLIENTS, histogram: createHdr, textOf: String });
  const ledger = recorder.ledger(inner, CLIENTS);
  const panel = recorder.panel(SILENT);
  const encoder = new TextEncoder();
  let nowMs = ORIGIN_MS;
  const tick = (): number => (nowMs += STEP_MS);
  for (let client = 0; client < CLIENTS; client += 1) {
    const room = `room-${client % ROOMS}`;
    panel.observe({ kind: "connected", user: `did:plc:${client}`, startedMs: nowMs, atMs: tick(), client, room });
    panel.observe({ kind: "lifecycle", event: "joined", atMs: tick(), client, room });
    ledger.joined(client, client, room, nowMs);
  }
  const counters = new Uint32Array(CLIENTS);
  let second = 0;
  let pauseAt = PAUSE_EVENTS;
  for (let turn = 0; recorder.events < observations; turn += 1) {
    const author = (turn * 7919) % CLIENTS;
    const room = `room-${author % ROOMS}`;
    const n = (counters[author] = (counters[author] ?? 0) + 1);
    const marker = { run, author, n, intact: true };
    ledger.invoked(author, n, nowMs, tick());
    panel.observe({ kind: "invoked", op: n, act: "write", plannedMs: nowMs, marker, atMs: nowMs, client: author, room });
    const content = JSON.stringify({
      isPlaying: n % 2 === 0,
      currentTime: n * 1000,
      mediaUrl: `https://media.example/clip.mp4#r=${run}&a=${author}&n=${n}&s=800000000`,
      mediaType: "video",
      playbackSpeed: 1,
      lastUpdatedBy: `did:plc:${author}`,
      lastUpdatedAt: Math.round(nowMs),
    });
    const bytes = encoder.encode(`{"type":"PLAYBACK_UPDATED","payload":${content}}`);
    for (let member = 0; member < MEMBERS; member += 1) {
      const client = (author % ROOMS) + member * ROOMS;
      if (ledger.recognise(client, bytes, 0, bytes.length, tick()) === undefined)
        ledger.delivered(client, { kind: "delivered", author: `did:plc:${author}`, marker, content }, undefined, bytes, nowMs);
    }
    if (nowMs - ORIGIN_MS >= (second + 1) * SECOND_MS) {
      second += 1;
      recorder.second({ t: second, clients: CLIENTS, sent: 0, loopLagMs: 0 });
    }
    if (recorder.events < pauseAt) continue;
    pauseAt += PAUSE_EVENTS;
    // A run has pauses; without them the file would fall behind.
    await file.drained();
  }
  ledger.finish(tick());
  const { deliveryMs, delivered, expected } = inner.figures;
  const figures = { events: recorder.events, clients: CLIENTS, rooms: ROOMS, sent: 0, planned: 0, late: 0, dropped: 0, refusedJoins: 0 };
  const measured = { joinMs: deliveryMs.encode(), actMs: nowMs, loopLagMsP99: 0, cpu: 0, residentBytes: 0, interrupted: false };
  file.document(recording.CHUNK.shardEnd, { ...figures, ...measured, live: { delivered, expected, broken: {} } });
  await file.close();
  recording.appendDocument(path, recording.CHUNK.runEnd, { endedAt: new Date(nowMs).toISOString(), interrupted: false });
  if (recorder.lost !== undefined) throw new Error(recorder.lost);
  return recorder.events;
}
