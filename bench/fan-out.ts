import type { Credential } from "../src/core/session.ts";
import type { Ledger } from "../src/core/ledger.ts";
import type { TransportEvents } from "../src/engines/node/transport.ts";
import { type BenchPart, commandOf, machine, median, printPart, spread, today, writeResult } from "./result-file.ts";

/** The build is measured, as users run it. */
const dist = new URL("../dist/src/", import.meta.url);
const at = (path: string): Promise<unknown> => import(new URL(path, dist).href);
const { createNodeClient } = (await at("engines/node/client.js")) as typeof import("../src/engines/node/client.ts");
const { createHdr } = (await at("engines/node/hdr.js")) as typeof import("../src/engines/node/hdr.ts");
const { MemoryLedger } = (await at("checkers/ledger.js")) as typeof import("../src/checkers/ledger.ts");
const { createPrng } = (await at("core/prng.js")) as typeof import("../src/core/prng.ts");
const { createSession } = (await at("bindings/playback/session.js")) as typeof import("../src/bindings/playback/session.ts");
const { updateFrame } = (await at("bindings/playback/codec.js")) as typeof import("../src/bindings/playback/codec.ts");

/**
 * `npm run bench -- fan-out [deliveries] [rounds]`: what one delivery costs when only the first receiver of a message
 * decodes it, against every receiver decoding it, by the size of the room. Without sockets.
 */
const deliveries = Number(process.argv[2] ?? 200_000);
const rounds = Number(process.argv[3] ?? 7);
const SIZES = [2, 5, 10, 25, 50, 100];
/** So that each room has its own log and all rooms take turns, as in a load run. */
const MEMBERS_IN_ALL = 1000;
const RUN = "bench0";

interface Message {
  readonly room: number;
  readonly author: number;
  readonly n: number;
  readonly bytes: Uint8Array;
}

/** Hands one message to all members of its room. */
interface Taker {
  readonly deliver: (message: Message) => void;
  /** Deliveries accounted for. */
  readonly count: () => number;
}

const encoder = new TextEncoder();

/** Broadcasts as the reference server words them, each of a write of its own. */
function messagesOf(size: number, count: number): readonly Message[] {
  const rooms = MEMBERS_IN_ALL / size;
  return Array.from({ length: count }, (_, index) => {
    const room = index % rooms;
    const turn = Math.floor(index / rooms);
    const author = room + (turn % size) * rooms;
    const n = Math.floor(turn / size) + 1;
    const value = { isPlaying: n % 2 === 0, currentTime: n * 1000 };
    const sent = JSON.parse(updateFrame(value, { run: RUN, author, n, intact: true })) as {
      readonly payload: { readonly mediaUrl: string };
    };
    const { mediaUrl } = sent.payload;
    const payload = {
      mediaUrl,
      mediaType: "video",
      ...value,
      playbackSpeed: 1,
      lastUpdatedBy: `user-${author}`,
      lastUpdated: "2026-01-01T00:00:00.000Z",
    };
    return { room, author, n, bytes: encoder.encode(JSON.stringify({ type: "PLAYBACK_UPDATED", payload })) };
  });
}

const NOBODY: Credential = { user: "nobody", headers: {}, query: {}, protocols: [] };

/** Clients with the engine's own code from the frame on, in their rooms. */
async function clientsOf(size: number, ledger: Ledger): Promise<readonly TransportEvents[]> {
  const rooms = MEMBERS_IN_ALL / size;
  const lines: TransportEvents[] = [];
  for (let slot = 0; slot < MEMBERS_IN_ALL; slot += 1) {
    const room = `room-${slot % rooms}`;
    const client = createNodeClient({
      session: createSession({
        room,
        basePath: "",
        dialect: "published",
        prng: createPrng(room),
        keepaliveMs: undefined,
        reconnect: false,
        readOnJoin: false,
        run: RUN,
      }),
      url: "http://127.0.0.1:1",
      headers: {},
      ca: undefined,
      localAddress: undefined,
      transport: {
        connect: (_options, events) => {
          lines[slot] = events;
          return { send: () => undefined, close: () => undefined, cut: () => undefined };
        },
      },
      alarms: { create: () => ({ set: () => undefined }), stop: () => undefined },
      nowMs: () => performance.now(),
      credential: () => Promise.resolve({ ...NOBODY, user: `user-${slot}` }),
      http: () => Promise.resolve({ failure: "there is no server" }),
      observe: (detail, atMs) => {
        if (detail.kind === "lifecycle" && detail.event === "joined") ledger.joined(slot, slot, room, atMs);
      },
      ledger: { ledger, slot },
    });
    client.start();
  }
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  for (const [slot, line] of lines.entries()) {
    line.opened();
    const joined = encoder.encode(JSON.stringify({ type: "USER_JOINED", payload: { userId: `user-${slot}`, memberCount: size } }));
    line.frame(joined, 0, joined.length, true);
  }
  return lines;
}

/** Recognises nothing: every frame goes to its receiver's session, which decodes it. */
function withoutRecognition(ledger: Ledger): Ledger {
  return {
    joined: (client, number, room, nowMs) => ledger.joined(client, number, room, nowMs),
    left: (client, nowMs) => ledger.left(client, nowMs),
    invoked: (client, n, plannedMs, nowMs) => ledger.invoked(client, n, plannedMs, nowMs),
    rejected: (client, n) => ledger.rejected(client, n),
    accepted: (client, n, position, nowMs) => ledger.accepted(client, n, position, nowMs),
    recognise: () => undefined,
    delivered: (client, delivery, decoded, bytes, nowMs) => ledger.delivered(client, delivery, decoded, bytes, nowMs),
    snapshot: (client, marker, nowMs) => ledger.snapshot(client, marker, nowMs),
    finalState: (client, marker) => ledger.finalState(client, marker),
    restarted: () => ledger.restarted(),
    isQuiet: (beforeMs) => ledger.isQuiet(beforeMs),
    finish: (nowMs) => ledger.finish(nowMs),
  };
}

async function byClients(size: number, decodesOnce: boolean): Promise<Taker> {
  const ledger = new MemoryLedger({
    orderModel: "total",
    echo: true,
    run: RUN,
    slots: MEMBERS_IN_ALL,
    histogram: createHdr,
    textOf: String,
  });
  const lines = await clientsOf(size, decodesOnce ? ledger : withoutRecognition(ledger));
  const rooms = MEMBERS_IN_ALL / size;
  return {
    deliver: ({ room, author, n, bytes }) => {
      const nowMs = performance.now();
      ledger.invoked(author, n, nowMs, nowMs);
      for (let slot = room; slot < MEMBERS_IN_ALL; slot += rooms) {
        const line = lines[slot];
        if (line?.expects(bytes, 0, bytes.length, true) === false) line.frame(bytes, 0, bytes.length, true);
      }
    },
    count: () => {
      const broken = ledger.finish(performance.now()).flatMap((outcome) => Object.keys(outcome.broken));
      if (broken.length > 0) throw new Error(`the ledger found ${broken.join(", ")} in faultless deliveries`);
      return ledger.figures.delivered;
    },
  };
}

/** What a script without checks does for each delivery: JSON, and a histogram. */
function byScript(size: number): Taker {
  const histogram = createHdr();
  let count = 0;
  return {
    deliver: ({ bytes }) => {
      for (let member = 0; member < size; member += 1) {
        const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
        const message = JSON.parse(text) as { readonly payload: { readonly mediaUrl: string } };
        if (message.payload.mediaUrl.lastIndexOf("#r=") > 0) histogram.record(performance.now() % 1000);
        count += 1;
      }
    },
    count: () => count,
  };
}

const WAYS = ["decoded once", "decoded by each receiver", "script: JSON and histogram"] as const;

function takerOf(way: (typeof WAYS)[number], size: number): Taker | Promise<Taker> {
  return way === "script: JSON and histogram" ? byScript(size) : byClients(size, way === "decoded once");
}

/** Microseconds of processor time a delivery. */
async function time(way: (typeof WAYS)[number], size: number, messages: readonly Message[]): Promise<number> {
  const taker = await takerOf(way, size);
  const from = process.cpuUsage();
  for (const message of messages) taker.deliver(message);
  const { user, system } = process.cpuUsage(from);
  const expected = messages.length * size;
  if (taker.count() !== expected) throw new Error(`${taker.count()} of ${expected} deliveries were accounted for`);
  return (user + system) / expected;
}

const rows: string[][] = [];
let atTen = NaN;
for (const size of SIZES) {
  const messages = messagesOf(size, Math.ceil(deliveries / size));
  const got = new Map(WAYS.map((way) => [way, [] as number[]]));
  // The first round is for the compiler.
  for (let round = -1; round < rounds; round += 1) {
    for (const way of WAYS) {
      const figure = await time(way, size, messages);
      if (round >= 0) got.get(way)?.push(figure);
    }
  }
  const of = (way: (typeof WAYS)[number]): readonly number[] => got.get(way) ?? [];
  const ratios = (way: (typeof WAYS)[number]): readonly number[] => of("decoded once").map((mine, round) => mine / (of(way)[round] ?? NaN));
  if (size === 10) atTen = median(ratios("decoded by each receiver"));
  rows.push([
    String(size),
    ...WAYS.map((way) => spread(of(way), 2)),
    spread(ratios("decoded by each receiver"), 2),
    spread(ratios("script: JSON and histogram"), 2),
  ]);
}

const part: BenchPart = {
  key: "playback",
  command: commandOf("fan-out"),
  measuredOn: today(),
  machine: machine(),
  tables: [
    {
      caption: `CPU µs a delivery from the frame on, without sockets; ${deliveries} deliveries, ${rounds} rounds: median (least–greatest)`,
      columns: ["members", ...WAYS, "once ÷ each", "once ÷ script"],
      rows,
    },
  ],
  bars: [{ what: "rooms of ten, decoded once ÷ by each", wanted: "< 1", got: atTen.toFixed(2), isMet: atTen < 1 }],
  notes: [],
};
printPart(part);
const about = `Broadcasts of playback handed to ${MEMBERS_IN_ALL} clients by the engine's own code, from the received frame to the ledger, every
delivery judged: once as it is (the first receiver decodes, the others compare bytes), once with recognition switched off. Beside
them what a script without checks does: JSON and a histogram at every receiver.`;
writeResult({ name: "fan-out", title: "Fan-out: a message is decoded once", about }, [part]);
