import { type CaseContext, Precondition } from "../../../core/case.ts";
import { clientFrame } from "../codec.ts";
import { NOTHING } from "../messages.ts";
import type { Lab, LabSocket } from "./lab.ts";
import { breach, handshake, id, inLanes, join, settled, signIn, type SyncCase } from "./support.ts";

const ROUNDS = 10;
const SOCKETS = 1_000;
const ADDRESSES = 4;
const USERS = 20;
/** Handshakes at once. */
const LANES = 50;
const EMPTY_MS_MAX = 60_000;
const GROWTH_MAX = 1.2;

interface Figures {
  readonly open: number;
  readonly subscriptions: number;
  readonly resident: number;
}

async function figures(t: CaseContext): Promise<Figures> {
  const metrics = await t.metrics();
  const open = metrics?.["connections_open"];
  const subscriptions = metrics?.["subscriptions"];
  if (metrics === undefined || open === undefined || subscriptions === undefined)
    throw new Precondition("the metrics connections_open and subscriptions are not there");
  return { open, subscriptions, resident: metrics["process_resident_bytes"] ?? 0 };
}

const ENDS = ["clean", "reset", "mid-frame", "in the handshake"] as const;

async function oneSocket(
  t: CaseContext,
  lab: Lab,
  index: number,
  users: readonly { readonly id: string }[],
  entity: string,
): Promise<void> {
  const user = users[index % users.length];
  const how = ENDS[index % ENDS.length];
  if (user === undefined) return;
  const localAddress = `127.0.0.${2 + (index % ADDRESSES)}`;
  if (how === "in the handshake") {
    await lab.raw(t.urls[0], `GET ${t.basePath}/sync/as/${user.id} HTTP/1.1\r\nhost: x\r\nupgrade: webso`, 20);
    return;
  }
  const socket = await handshake(t, lab, user.id, await signIn(t, user), { localAddress });
  if (!socket.isOpen) throw new Precondition(`no socket: ${socket.status} ${socket.body.slice(0, 100)}`);
  socket.send(subscribeFrame(entity));
  await t.sleep(1);
  endBy(socket, how);
}

function subscribeFrame(entity: string): Uint8Array {
  return clientFrame({ type: "subscribe", entityId: entity, versionVector: NOTHING });
}

function endBy(socket: LabSocket, how: (typeof ENDS)[number] | undefined): void {
  if (how === "clean") return socket.close();
  // The head of a masked binary frame of 200 bytes, and nothing behind it.
  if (how === "mid-frame") socket.sendRaw(Uint8Array.of(0x82, 0xfe, 0x00, 0xc8, 1, 2));
  socket.reset();
}

const rounds: SyncCase = {
  name: "cleanup/rounds",
  title: "Nothing is left of sockets that have ended, however they did",
  ids: ["SESS-03"],
  phase: "exclusive",
  needs: ["metrics"],
  limitMs: 300_000,
  run: async (t, lab) => {
    const users = await t.users(USERS);
    const entity = await t.room();
    const keeper = await join(t, lab);
    keeper.subscribe(entity);
    await settled(t, lab, keeper);
    const base = await figures(t);
    let third = 0;
    const sizes: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      await inLanes(
        LANES,
        Array.from({ length: SOCKETS }, (_, index) => index),
        (index) => oneSocket(t, lab, index, users, entity),
      );
      let now = await figures(t);
      const isBase = (): boolean => Math.abs(now.open - base.open) <= 1 && Math.abs(now.subscriptions - base.subscriptions) <= 1;
      await t.until(async () => {
        now = await figures(t);
        return isBase();
      }, EMPTY_MS_MAX);
      const holds = t.check(
        id("SESS-03"),
        isBase(),
        breach(
          "miscounted",
          `after round ${round}: ${base.open} sockets and ${base.subscriptions} subscriptions, ±1`,
          `${now.open} and ${now.subscriptions}`,
        ),
      );
      if (!holds) return;
      if (round === 3) third = now.resident;
      sizes.push(now.resident);
    }
    if (third === 0) return;
    // Garbage that a server has not yet looked at is no leak: it has the same time as the sockets.
    let resident = Infinity;
    await t.until(async () => {
      resident = Math.min(resident, (await figures(t)).resident);
      if (resident > third * GROWTH_MAX) await t.sleep(500);
      return resident <= third * GROWTH_MAX;
    }, EMPTY_MS_MAX);
    t.report(id("SESS-03"), `resident after each round ${sizes.map(megabytes).join(", ")}; at last ${megabytes(resident)}`);
    const limit = `memory after round ${ROUNDS} at most 20 % above round 3, ${megabytes(third)}`;
    t.check(id("SESS-03"), resident <= third * GROWTH_MAX, breach("over-limit", limit, megabytes(resident)));
  },
};

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`;
}

const RESETS = 500;

const resets: SyncCase = {
  name: "cleanup/resets",
  title: "Hundreds of sockets that are reset with unread data harm no bystander, and can be seen",
  ids: ["SESS-04"],
  phase: "exclusive",
  needs: ["metrics"],
  limitMs: 120_000,
  run: async (t, lab) => {
    const entity = await t.room();
    const bystanders = [await join(t, lab), await join(t, lab)];
    const [author, reader] = bystanders;
    if (author === undefined || reader === undefined) return;
    const document = lab.document();
    for (const peer of bystanders) {
      peer.subscribe(entity);
      await settled(t, lab, peer);
    }
    const before = (await t.metrics()) ?? {};
    const users = await t.users(USERS);
    const sockets: LabSocket[] = [];
    await inLanes(
      LANES,
      Array.from({ length: RESETS }, (_, index) => index),
      async (index) => {
        const user = users[index % users.length];
        if (user === undefined) return;
        const socket = await handshake(t, lab, user.id, await signIn(t, user), { localAddress: `127.0.0.${2 + (index % ADDRESSES)}` });
        socket.send(subscribeFrame(entity));
        sockets.push(socket);
      },
    );
    await settled(t, lab, author);
    for (const socket of sockets) socket.pause();
    for (let n = 0; n < 50; n += 1) author.send(entity, document.type(1, "x".repeat(2_000)));
    await settled(t, lab, author, 20_000);
    for (const socket of sockets) socket.reset();
    await t.sleep(1_000);
    const update = document.push("after the resets");
    author.send(entity, update);
    const hasCome = await t.until(() => reader.count(update) > 0, 5_000);
    for (const peer of bystanders)
      t.check(
        id("SESS-04"),
        peer.socket.isOpen,
        breach("closed", "bystanders stay connected", `closed ${peer.socket.closed?.code} ${peer.socket.closed?.reason}`),
      );
    if (bystanders.every((peer) => peer.socket.isOpen))
      t.check(id("SESS-04"), hasCome, breach("lost", "bystanders hear each other", "nothing in 5 s"));
    const after = (await t.metrics()) ?? {};
    const isSeen =
      (after["errors_total"] ?? 0) > (before["errors_total"] ?? 0) ||
      Math.abs((after["connections_open"] ?? 0) - (before["connections_open"] ?? 0)) <= 1;
    t.check(
      id("SESS-04"),
      isSeen,
      breach(
        "silent",
        "a counter shows the sockets that were lost",
        `connections_open ${after["connections_open"]}, errors_total ${after["errors_total"]}`,
      ),
    );
  },
};

const SILENT_LIMIT_MS = 60_000;

const silence: SyncCase = {
  name: "cleanup/silence",
  title: "A peer that vanished is noticed within a minute; an idle one that lives stays",
  ids: ["HB-01"],
  phase: "waiting",
  needs: ["keepalive"],
  limitMs: 660_000,
  run: async (t, lab) => {
    const entity = await t.room();
    const idle = await join(t, lab);
    idle.subscribe(entity);
    const silent = await join(t, lab);
    const other = await join(t, lab);
    silent.subscribe(entity);
    other.subscribe(entity);
    await settled(t, lab, other);
    const metrics = t.has("metrics") ? ((await t.metrics())?.["connections_open"] ?? 0) : 0;
    silent.socket.pause();
    // It shows only to who reads again: the frames that the server has sent by then, and whether it closed.
    const limitMs = t.scaled(SILENT_LIMIT_MS) + (t.timeScale > 1 ? 1_000 : 0);
    await t.sleep(limitMs);
    silent.socket.resume();
    await t.until(() => silent.socket.closed !== undefined, 2_000);
    t.check(
      id("HB-01"),
      silent.socket.closed !== undefined,
      breach(
        "late",
        `a peer that reads and answers nothing is dropped within ${SILENT_LIMIT_MS / 1_000} s`,
        `it is still there (${metrics} sockets open then)`,
      ),
    );
    await t.sleep(t.scaled(t.has("longWaits") ? 600_000 : 120_000) - limitMs);
    t.check(
      id("HB-01"),
      idle.socket.isOpen,
      breach("early", "an idle client that answers pings stays", `closed ${idle.socket.closed?.code} ${idle.socket.closed?.reason}`),
    );
  },
};

/** What becomes of sockets that end. */
export const cleanupCases: readonly SyncCase[] = [rounds, resets, silence];
