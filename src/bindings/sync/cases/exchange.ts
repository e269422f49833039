import { Precondition } from "../../../core/case.ts";
import { sameBytes } from "../codec.ts";
import { breach, id, join, type Peer, quiet, settled, SHALL_MS, type SyncCase, WATCH_MS } from "./support.ts";

/** Every value that a byte can have, twice. */
const EVERY_BYTE = Uint8Array.from({ length: 512 }, (_, at) => at & 0xff);

const binary: SyncCase = {
  name: "exchange/binary",
  title: "All frames are binary, and every byte comes through unchanged",
  ids: ["SESS-01"],
  phase: "shared",
  run: async (t, lab) => {
    const entity = await t.room();
    const [author, reader] = [await join(t, lab), await join(t, lab)];
    const [mine, theirs] = [lab.document(), lab.document()];
    reader.follow(entity, theirs);
    author.subscribe(entity);
    reader.subscribe(entity);
    await settled(t, lab, reader);
    await settled(t, lab, author);
    const updates = [
      () => mine.type(1, "plain"),
      () => mine.set("bytes", EVERY_BYTE),
      () => mine.type(1, "\u{1F30D}\u{FFFD}\u0000".repeat(80)),
    ];
    for (const make of updates) {
      const update = make();
      author.send(entity, update);
      const hasCome = await t.until(
        () => reader.received.some((each) => each.entity === entity && sameBytes(each.update, update)) || !author.socket.isOpen,
        WATCH_MS,
      );
      t.check(
        id("SESS-01"),
        hasCome && author.socket.isOpen,
        breach(
          "damaged",
          `an update of ${update.length} bytes comes through as it is`,
          author.socket.isOpen ? `${reader.received.length} others came` : `closed ${author.socket.closed?.code}`,
        ),
      );
    }
    const isBinary = [author, reader].every((peer) => peer.socket.frames.every((frame) => typeof frame.data !== "string"));
    t.check(id("SESS-01"), isBinary, breach("malformed", "binary frames only", "a text frame"));
    for (const peer of [author, reader])
      t.check(
        id("SESS-01"),
        peer.unreadable.length === 0 || !isBinary,
        breach("damaged", "frames that can be read", peer.unreadable.join("; ")),
      );
    const teller = await join(t, lab);
    teller.socket.send('{"type":"unsubscribe"}');
    await t.until(() => teller.socket.closed !== undefined, WATCH_MS);
    t.check(
      id("SESS-01"),
      teller.socket.closed !== undefined || (await settled(t, lab, teller)),
      breach("silent", "a text frame closes its socket, or leaves it of use", "neither"),
    );
    t.report(
      id("SESS-01"),
      `a text frame: ${teller.socket.closed === undefined ? "taken in silence" : `close ${teller.socket.closed.code}`}`,
    );
  },
};

const relay: SyncCase = {
  name: "exchange/relay",
  title: "An update reaches every subscriber of its document once, and nobody else",
  ids: ["SESS-02"],
  phase: "shared",
  run: async (t, lab) => {
    const [x, y] = [await t.room(), await t.room()];
    const [a, b, c] = [await join(t, lab), await join(t, lab), await join(t, lab)];
    a.subscribe(x);
    b.subscribe(x);
    // Again: answered like the first, and changes nothing.
    b.subscribe(x);
    c.subscribe(y);
    for (const peer of [a, b, c]) await settled(t, lab, peer);
    const document = lab.document();
    for (let n = 0; n < 20; n += 1) {
      const update = document.push(`relay ${n}`);
      a.send(x, update);
      const owed: readonly (readonly [string, Peer])[] = t.has("echoToSender")
        ? [
            ["the sender", a],
            ["the other", b],
          ]
        : [["the other", b]];
      for (const [who, peer] of owed) {
        const hasCome = await t.until(() => peer.count(update) > 0, WATCH_MS);
        t.check(id("SESS-02"), hasCome, breach("lost", `${who} gets the same bytes within ${WATCH_MS} ms`, "nothing"));
        if (!hasCome) return;
      }
      t.check(
        id("SESS-02"),
        b.count(update) <= 1 && a.count(update) <= 1,
        breach("doubled", "once", `${a.count(update)} at the sender, ${b.count(update)} at the other`),
      );
    }
    const foreign = c.received.filter((each) => each.entity !== y && each.entity === x).length;
    t.check(id("SESS-02"), foreign === 0, breach("foreign", "nothing at a subscriber of another document", `${foreign} updates`));
  },
};

const DOCUMENTS = 100;
const READERS = 20;
const EACH = 10;

const isolation: SyncCase = {
  name: "exchange/isolation",
  title: "Who is subscribed to a document hears of it, and of no other, until it unsubscribes",
  ids: ["ISO-01"],
  phase: "shared",
  limitMs: 60_000,
  run: async (t, lab) => {
    const entities = await Promise.all(Array.from({ length: DOCUMENTS }, () => t.room()));
    const documents = entities.map(() => lab.document());
    const author = await join(t, lab);
    const readers: { readonly peer: Peer; readonly own: ReadonlySet<string> }[] = [];
    for (let index = 0; index < READERS; index += 1) {
      const peer = await join(t, lab);
      const own = new Set(Array.from({ length: EACH }, () => t.prng.pick(entities)));
      for (const entity of own) peer.subscribe(entity);
      readers.push({ peer, own });
    }
    for (const { peer } of readers) await settled(t, lab, peer);
    const entityOf = new Map<string, string>();
    for (let round = 0; round < 4; round += 1) {
      for (const [index, entity] of entities.entries()) {
        const update = documents[index]?.push(`${entity} ${round}`);
        if (update === undefined) continue;
        entityOf.set(lab.digest(update), entity);
        author.send(entity, update);
      }
    }
    await settled(t, lab, author, 20_000);
    await quiet(
      t,
      readers.map(({ peer }) => peer),
    );
    let seen = 0;
    for (const { peer, own } of readers) {
      for (const { entity, digest } of peer.received) {
        const home = entityOf.get(digest);
        if (home === undefined) continue;
        seen += 1;
        t.check(
          id("ISO-01"),
          own.has(entity) && home === entity,
          breach("foreign", `only updates of its ${own.size} documents`, `an update of ${home} as ${entity}`),
        );
      }
      const missed = [...own].filter((entity) => peer.received.filter((each) => each.entity === entity).length < 4);
      t.check(
        id("ISO-01"),
        missed.length === 0,
        breach("lost", "all of its own documents' updates", `${missed.length} documents lack some`),
      );
    }
    if (seen === 0) throw new Precondition("nothing was received");
    const [first] = readers;
    if (first === undefined) return;
    for (const entity of first.own) first.peer.unsubscribe(entity);
    await settled(t, lab, first.peer);
    await t.sleep(WATCH_MS);
    const from = first.peer.received.length;
    for (const entity of first.own) author.send(entity, documents[entities.indexOf(entity)]?.push("after") ?? new Uint8Array());
    await settled(t, lab, author);
    await t.sleep(WATCH_MS);
    const after = first.peer.received.slice(from).filter((each) => first.own.has(each.entity)).length;
    t.check(id("ISO-01"), after === 0, breach("foreign", "nothing after unsubscribing", `${after} updates`));
  },
};

const NUMBERED = 1_000;

const order: SyncCase = {
  name: "exchange/order",
  title: "One author's updates arrive as sent; held-back causes bring what waited for them",
  ids: ["ORD-01"],
  phase: "shared",
  limitMs: 60_000,
  run: async (t, lab) => {
    const entity = await t.room();
    const author = await join(t, lab);
    const readers = [await join(t, lab), await join(t, lab)];
    const replicas = [lab.document(), lab.document(), lab.document()];
    author.subscribe(entity);
    for (const [index, reader] of readers.entries()) {
      const replica = replicas[index];
      if (replica !== undefined) reader.follow(entity, replica);
      reader.subscribe(entity);
    }
    for (const reader of readers) await settled(t, lab, reader);
    const document = lab.document();
    const indexOf = new Map<string, number>();
    for (let n = 0; n < NUMBERED; n += 1) {
      const update = document.push(`n${n}`);
      indexOf.set(lab.digest(update), n);
      author.send(entity, update);
      // Paced first, then back to back; one more reader comes midway.
      if (n < NUMBERED / 2 && n % 20 === 0) await t.sleep(5);
      if (n === NUMBERED / 2) {
        const late = await join(t, lab);
        const replica = replicas[2];
        if (replica !== undefined) late.follow(entity, replica);
        late.subscribe(entity);
        readers.push(late);
      }
    }
    await settled(t, lab, author, 20_000);
    await quiet(t, readers, 20_000);
    for (const [index, reader] of readers.entries()) {
      const numbers = reader.received.flatMap(({ digest }) => indexOf.get(digest) ?? []);
      const at = numbers.findIndex((n, place) => place > 0 && n < (numbers[place - 1] ?? 0));
      t.check(
        id("ORD-01"),
        at < 0,
        breach("disordered", "each number above the one before", `… ${numbers.slice(Math.max(0, at - 2), at + 2).join(", ")} …`),
      );
      t.check(
        id("ORD-01"),
        replicas[index]?.json() === document.json(),
        breach("diverged", `the author's document of ${NUMBERED} entries`, `${replicas[index]?.names().length ?? 0} entries`),
      );
    }
    await heldBack(t, lab, author, readers[0] ?? author);
  },
};

async function heldBack(t: Parameters<SyncCase["run"]>[0], lab: Parameters<SyncCase["run"]>[1], author: Peer, reader: Peer): Promise<void> {
  const entity = await t.room();
  const [document, replica] = [lab.document(), lab.document()];
  const updates = ["cause", "effect one", "effect two"].map((name) => document.push(name));
  const [cause, ...effects] = updates;
  reader.follow(entity, replica);
  reader.subscribe(entity);
  await settled(t, lab, reader);
  for (const effect of effects) author.send(entity, effect);
  await settled(t, lab, author);
  // Who comes before the causes gets what waits, too.
  const early = await join(t, lab);
  const earlyReplica = lab.document();
  early.follow(entity, earlyReplica);
  early.subscribe(entity);
  await settled(t, lab, early);
  if (cause !== undefined) author.send(entity, cause);
  const late = await join(t, lab);
  await settled(t, lab, author);
  const lateReplica = lab.document();
  late.follow(entity, lateReplica);
  late.subscribe(entity);
  const wanted = document.json();
  for (const [who, each] of [
    ["a subscriber of before", replica],
    ["a subscriber of meanwhile", earlyReplica],
    ["a subscriber of after", lateReplica],
  ] as const) {
    await t.until(() => each.json() === wanted, SHALL_MS);
    t.check(
      id("ORD-01"),
      each.json() === wanted,
      breach("diverged", `${who} holds the effects once their cause is there`, each.json().slice(0, 200)),
    );
  }
}

const plainRequest: SyncCase = {
  name: "exchange/plain-request",
  title: "A request to the socket route that is no upgrade gets a 4xx and does not hang",
  ids: ["SESS-05"],
  phase: "shared",
  run: async (t, lab) => {
    const user = await t.user();
    const path = `${t.basePath}/sync/as/${user.id}`;
    const host = hostOf(t.urls[0]);
    const upgrade = (lines: readonly string[]): string =>
      `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
    const plain = await lab.http({ url: t.urls[0], path, withinMs: WATCH_MS });
    t.check(
      id("SESS-05"),
      plain.status >= 400 && plain.status < 500,
      breach(plain.status === 0 ? "silent" : "wrong-refusal", `a plain GET: 4xx within ${WATCH_MS} ms`, `${plain.status} ${plain.body}`),
    );
    for (const [what, lines] of [
      [
        "wrong version",
        ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 12", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="],
      ],
      ["missing key", ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13"]],
      ["another protocol", ["connection: Upgrade", "upgrade: h2c"]],
    ] as const) {
      const answer = await lab.raw(t.urls[0], upgrade(lines), WATCH_MS);
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
      t.check(
        id("SESS-05"),
        status >= 400 && status < 500,
        breach(status === 0 ? "silent" : "wrong-refusal", `${what}: 4xx within ${WATCH_MS} ms`, answer.slice(0, 200)),
      );
    }
  },
};

/** The part of an address that a `Host` header has. */
function hostOf(url: string): string {
  return /^https?:\/\/([^/]+)/.exec(url)?.[1] ?? "";
}

/** What goes over sockets between clients. */
export const exchangeCases: readonly SyncCase[] = [binary, relay, isolation, order, plainRequest];
