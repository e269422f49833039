import { type CaseContext, Precondition } from "../../../core/case.ts";
import { hostile } from "../hostile.ts";
import { clientFrame } from "../codec.ts";
import type { Lab } from "./lab.ts";
import { breach, id, inLanes, join, type Peer, settled, SHALL_MS, type SyncCase } from "./support.ts";

const SOCKETS = 500;
const STOP_MS_MAX = 10_000;

const stop: SyncCase = {
  name: "operation/stop",
  title: "A polite stop closes every socket in order and loses nothing that was delivered",
  ids: ["ROB-01"],
  phase: "own",
  needs: ["processControl", "restart"],
  limitMs: 120_000,
  run: async (t, lab) => {
    const DATA_DIR = lab.folder();
    const server = await t.launch({ DATA_DIR });
    const { url } = server;
    if (url === undefined) throw new Precondition("no instance");
    const users = await t.users(25);
    const peers: Peer[] = [];
    const entity = await t.room();
    await inLanes(
      25,
      Array.from({ length: SOCKETS }, (_, index) => index),
      async (index) => {
        const user = users[index % users.length];
        if (user !== undefined) peers.push(await join(t, lab, { user, url, localAddress: `127.0.0.${2 + (index % 4)}` }));
      },
    );
    const [author, reader] = peers;
    if (author === undefined || reader === undefined) return;
    author.subscribe(entity);
    reader.subscribe(entity);
    await settled(t, lab, reader);
    const document = lab.document();
    const sent: Uint8Array[] = [];
    const write = (): void => {
      const update = document.push(`write ${sent.length}`);
      sent.push(update);
      author.send(entity, update);
    };
    for (let n = 0; n < 200; n += 1) write();
    await t.until(() => reader.received.length > 100, SHALL_MS);
    const fromMs = t.nowMs();
    const ended = server.end(STOP_MS_MAX + 2_000);
    while (author.socket.isOpen && t.nowMs() - fromMs < STOP_MS_MAX) {
      write();
      await t.sleep(5);
    }
    await t.until(() => peers.every((peer) => peer.socket.closed !== undefined), STOP_MS_MAX);
    const codes = new Map<string, number>();
    for (const peer of peers) {
      const code = String(peer.socket.closed?.code ?? "open");
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    const isOrderly = peers.every((peer) => peer.socket.closed?.code === 1001 || peer.socket.closed?.code === 1012);
    t.check(
      id("ROB-01"),
      isOrderly,
      breach(
        "closed",
        `all ${SOCKETS} sockets closed with 1001 or 1012 within 10 s`,
        [...codes].map(([code, count]) => `${code}: ${count}`).join(", "),
      ),
    );
    const exit = await ended;
    t.check(
      id("ROB-01"),
      exit?.code === 0 && t.nowMs() - fromMs <= STOP_MS_MAX + 1_000,
      breach(
        "late",
        "exit 0 within 10 s",
        exit === undefined ? "it still runs" : `${exit.code ?? exit.signal} after ${Math.round(t.nowMs() - fromMs)} ms`,
      ),
    );
    const again = await t.launch({ DATA_DIR });
    if (again.url === undefined) throw new Precondition("it did not start again");
    const late = await join(t, lab, { url: again.url });
    const copy = lab.document();
    late.follow(entity, copy);
    late.subscribe(entity);
    await settled(t, lab, late);
    const kept = new Set(copy.names());
    const lost = sent.filter((update, index) => reader.count(update) > 0 && !kept.has(`write ${index}`)).length;
    t.check(id("ROB-01"), lost === 0, breach("lost", "what was delivered is there after the restart", `${lost} updates are not`));
    again.kill();
  },
};

const REQUIRED = {
  DID: [undefined, "", "not a did"],
  PLC_URL: [undefined, "", "not a url"],
  DATA_DIR: [undefined, "", "/dev/null/nowhere"],
} as const;

const settings: SyncCase = {
  name: "operation/settings",
  title: "A required variable that is missing, empty or senseless ends the start, and is named",
  ids: ["ROB-02"],
  phase: "own",
  needs: ["processControl"],
  limitMs: 120_000,
  run: async (t) => {
    for (const [name, values] of Object.entries(REQUIRED)) {
      for (const value of values) {
        const what = `${name} ${value === undefined ? "missing" : value === "" ? "empty" : "senseless"}`;
        const fromMs = t.nowMs();
        const server = await t.launch({ [name]: value });
        const tookMs = t.nowMs() - fromMs;
        const exit = server.exited();
        server.kill();
        if (
          !t.check(
            id("ROB-02"),
            server.url === undefined && exit !== undefined && exit.code !== 0,
            breach("not-refused", `${what}: exit ≠ 0`, server.url === undefined ? `exit ${exit?.code}` : "it started"),
          )
        )
          continue;
        t.check(id("ROB-02"), tookMs <= 5_000, breach("late", `${what}: within 5 s`, `${Math.round(tookMs)} ms`));
        t.check(id("ROB-02"), server.logs().includes(name), breach("absent", `${what}: the message names ${name}`, server.logs()));
      }
    }
  },
};

const GIANT_BYTES = 64 * 1_048_576;
const CHUNK = new Uint8Array(65_536);

/** Head of a masked binary frame of 64 MiB, and its bytes piece by piece until the server has had enough. */
async function sendGiant(t: CaseContext, peer: Peer): Promise<void> {
  peer.socket.sendRaw(Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, GIANT_BYTES >>> 24, (GIANT_BYTES >>> 16) & 0xff, 0, 0, 0, 0, 0, 0));
  for (let sent = 0; sent < GIANT_BYTES && peer.socket.isOpen; sent += CHUNK.length) {
    peer.socket.sendRaw(CHUNK);
    await t.sleep(1);
  }
}

const broken: SyncCase = {
  name: "operation/broken-frames",
  title: "Broken and giant frames, fragments and slow readers harm only their own connection",
  ids: ["ROB-04"],
  phase: "exclusive",
  limitMs: 120_000,
  run: async (t, lab) => {
    const entity = await t.room();
    const [author, reader] = [await join(t, lab), await join(t, lab)];
    const [document, copy] = [lab.document(), lab.document()];
    reader.follow(entity, copy);
    // A flipped bit may leave an update that is none the worse: the author takes it in like everybody.
    author.follow(entity, document);
    author.subscribe(entity);
    reader.subscribe(entity);
    await settled(t, lab, reader);
    const good = document.push("good");
    author.send(entity, good);
    await settled(t, lab, author);
    const user = await t.user();
    const attack = async (what: string, act: (peer: Peer) => void): Promise<void> => {
      const peer = await join(t, lab, { user });
      act(peer);
      await t.until(() => !peer.socket.isOpen, 300);
      const isFair = !peer.socket.isOpen || (await settled(t, lab, peer)) || !peer.socket.isOpen;
      t.check(id("ROB-04"), isFair, breach("silent", `${what}: a close, or silence with a socket of use`, "a socket of no use"));
      for (const each of [author, reader])
        t.check(
          id("ROB-04"),
          each.socket.isOpen,
          breach("closed", `${what}: bystanders keep their sockets`, `closed ${each.socket.closed?.code} ${each.socket.closed?.reason}`),
        );
      peer.socket.cut();
    };
    const update = lab.document().push("bent");
    const frame = clientFrame({ type: "sendUpdate", entityId: entity, update });
    for (const { name, frame: bad } of hostile) await attack(name, (peer) => peer.socket.send(bad));
    for (let n = 0; n < 10; n += 1)
      await attack("random bytes", (peer) => peer.socket.send(Uint8Array.from({ length: 1 + t.prng.below(300) }, () => t.prng.below(256))));
    for (let n = 0; n < 10; n += 1)
      await attack("a cut frame", (peer) => peer.socket.send(frame.subarray(0, 1 + t.prng.below(frame.length - 1))));
    for (let n = 0; n < 20; n += 1) {
      const bent = frame.slice();
      // Behind the head of the map, within the update: what passes as msgpack has to fail as an update.
      const at = bent.length - 1 - t.prng.below(update.length);
      bent[at] = (bent[at] ?? 0) ^ (1 << t.prng.below(8));
      await attack("a flipped bit", (peer) => peer.socket.send(bent));
    }
    await attack("a giant frame", (peer) => void sendGiant(t, peer));
    const pieces = document.push("in pieces");
    await attack("fragments of one byte", (peer) =>
      peer.socket.sendPieces(clientFrame({ type: "sendUpdate", entityId: entity, update: pieces }), 1),
    );
    if (reader.count(pieces) === 0) author.send(entity, pieces);
    const idle = await join(t, lab, { user });
    idle.subscribe(entity);
    await settled(t, lab, idle);
    idle.socket.pause();
    for (let n = 0; n < 200; n += 1) author.send(entity, document.type(1, "z".repeat(20_000)));
    const last = document.push("last");
    const sentMs = t.nowMs();
    author.send(entity, last);
    const hasCome = await t.until(() => reader.count(last) > 0, SHALL_MS);
    t.check(
      id("ROB-04"),
      hasCome,
      breach("late", "beside a stopped reader the others hear within 5 s", `nothing after ${Math.round(t.nowMs() - sentMs)} ms`),
    );
    const bad = reader.unreadable.length + copy.unread();
    t.check(id("ROB-04"), bad === 0, breach("damaged", "no damaged update", `${bad} of them; ${reader.unreadable.slice(0, 3).join("; ")}`));
    const isSame = copy.json() === document.json();
    t.check(
      id("ROB-04"),
      isSame,
      breach(
        "diverged",
        "the document is what the author made",
        `${copy.names().join(", ")}; ${copy.textLength()} of ${document.textLength()} characters`,
      ),
    );
    const fresh = await join(t, lab);
    t.check(
      id("ROB-04"),
      await settled(t, lab, fresh),
      breach("crashed", "new sockets open and work", `closed ${fresh.socket.closed?.code}`),
    );
  },
};

const URLS = 2;

async function pair(t: CaseContext, lab: Lab): Promise<readonly [string, string]> {
  if (t.urls[1] !== undefined) return [t.urls[0], t.urls[1]];
  const DATA_DIR = lab.folder();
  const instances = [await t.launch({ DATA_DIR }), await t.launch({ DATA_DIR })];
  const [one, two] = instances.map((each) => each.url);
  if (one === undefined || two === undefined) throw new Precondition(`no ${URLS} instances`);
  return [one, two];
}

const instances: SyncCase = {
  name: "operation/instances",
  title: "Several instances serve the same documents, and a token is good at each",
  ids: ["CAP-03"],
  phase: "own",
  needs: ["secondUrl"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const [one, two] = await pair(t, lab);
    const user = await t.user();
    const answer = await t.http({ method: "GET", path: `${t.basePath}/xrpc/chat.roomy.v0.sync.token` }, user, { url: one });
    const told = "body" in answer ? parsed(answer.body)["token"] : undefined;
    const token = typeof told === "string" ? told : "";
    const crossed = await lab.open({ url: two, path: `${t.basePath}/sync/as/${user.id}`, offer: `authorization, ${token}` });
    t.check(id("CAP-03"), crossed.isOpen, () =>
      breach("wrong-refusal", "a token of the first is good at the second", `${crossed.status} ${crossed.body}`),
    );
    const entity = await t.room();
    const editors: { readonly peer: Peer; readonly document: ReturnType<Lab["document"]> }[] = [];
    for (const url of [one, two, one, two]) {
      const peer = await join(t, lab, { url });
      const document = lab.document();
      peer.follow(entity, document);
      peer.subscribe(entity);
      editors.push({ peer, document });
    }
    for (const { peer } of editors) await settled(t, lab, peer);
    for (let n = 0; n < 50; n += 1) {
      for (const [index, { peer, document }] of editors.entries()) peer.send(entity, document.push(`e${index} ${n}`));
      await t.sleep(5);
    }
    const [first] = editors;
    const isEqual = (): boolean =>
      editors.every(({ document }) => document.names().length === 200 && document.json() === first?.document.json());
    await t.until(isEqual, SHALL_MS);
    t.check(
      id("CAP-03"),
      isEqual(),
      breach("diverged", "clients of both hold the same 200 entries", editors.map(({ document }) => document.names().length).join(", ")),
    );
  },
};

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(body) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

const STAGES = [5, 20, 40] as const;
const JUDGED = 20;
const PER_SECOND = 5;
const STAGE_MS = 3_000;
const BUDGET_MS = 200;

const ramp: SyncCase = {
  name: "operation/ramp",
  title: "Small updates at a high rate pass with low delay",
  ids: ["CAP-04"],
  phase: "quiet",
  limitMs: 120_000,
  run: async (t, lab) => {
    for (const clients of STAGES) {
      const entity = await t.room();
      const peers: Peer[] = [];
      for (let index = 0; index < clients; index += 1) {
        const peer = await join(t, lab);
        peer.subscribe(entity);
        peers.push(peer);
      }
      for (const peer of peers) await settled(t, lab, peer);
      const documents = peers.map(() => lab.document());
      const from = peers.map((peer) => peer.received.length);
      const plannedMs = new Map<string, number>();
      const startMs = t.nowMs() + 50;
      const total = (clients * PER_SECOND * STAGE_MS) / 1_000;
      for (let n = 0; n < total; n += 1) {
        const dueMs = startMs + (n * 1_000) / (clients * PER_SECOND);
        const waitMs = dueMs - t.nowMs();
        if (waitMs > 1) await t.sleep(waitMs);
        const update = documents[n % clients]?.push(`${n}`.padEnd(60, "."));
        if (update === undefined) continue;
        plannedMs.set(lab.digest(update), dueMs);
        peers[n % clients]?.send(entity, update);
      }
      const count = (): number => peers.reduce((sum, peer, index) => sum + peer.received.length - (from[index] ?? 0), 0);
      await t.until(() => count() >= total * clients, SHALL_MS);
      const latencies = peers
        .flatMap((peer) =>
          peer.received.flatMap(({ digest, atMs }) => (plannedMs.has(digest) ? [atMs - (plannedMs.get(digest) ?? 0)] : [])),
        )
        .sort((left, right) => left - right);
      const at = (share: number): number =>
        Math.round(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0);
      for (const [index, peer] of peers.entries())
        for (const each of peer.received) if (each.entity === entity) documents[index]?.take(each.update);
      const isEqual = documents.every((document) => document.json() === documents[0]?.json());
      t.check(
        id("CAP-04"),
        isEqual && documents[0]?.names().length === total,
        breach(
          "diverged",
          `${clients} clients: all documents equal, with ${total} entries`,
          documents.map((document) => document.names().length).join(", "),
        ),
      );
      const wide = peers[0]?.received.find((each) => plannedMs.has(each.digest))?.update.length ?? 0;
      t.report(
        id("CAP-04"),
        `${clients} clients × ${PER_SECOND}/s: ${Math.round(latencies.length / (STAGE_MS / 1_000))} delivered/s, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, ${wide} bytes an update`,
      );
      if (clients === JUDGED)
        t.check(
          id("CAP-04"),
          latencies.length > 0 && at(0.95) <= BUDGET_MS,
          breach("late", `p95 at most ${BUDGET_MS} ms`, `${at(0.95)} ms`),
        );
      for (const peer of peers) peer.socket.close();
    }
  },
};

/** Running it: stop, start, several of it, broken input, load. */
export const operationCases: readonly SyncCase[] = [stop, settings, broken, instances, ramp];
