import { type CaseContext, Precondition } from "../../../core/case.ts";
import type { Lab, LabDocument } from "./lab.ts";
import { breach, handshake, id, join, type Peer, peerOn, quiet, settled, SHALL_MS, signIn, type SyncCase } from "./support.ts";

const EDITORS = 10;
const EDITS = 200;

interface Editor {
  peer: Peer;
  readonly document: LabDocument;
  /** Own updates: sent again after a cut, since whether they arrived cannot be known. */
  readonly sent: Uint8Array[];
  isAway: boolean;
}

function edit(t: CaseContext, document: LabDocument, name: string): Uint8Array {
  switch (t.prng.below(5)) {
    case 0:
      return document.set(`k${t.prng.below(10)}`, name);
    case 1:
      return document.erase(t.prng.next(), 1 + t.prng.below(3));
    case 2:
      return document.push(name);
    default:
      return document.type(t.prng.next(), name);
  }
}

async function comeBack(t: CaseContext, lab: Lab, editor: Editor, entity: string): Promise<void> {
  editor.peer = await join(t, lab, { user: editor.peer.user });
  editor.peer.follow(entity, editor.document);
  editor.peer.subscribe(entity, editor.document);
  for (const update of editor.sent) editor.peer.send(entity, update);
  editor.isAway = false;
}

const storm: SyncCase = {
  name: "convergence/storm",
  title: "All who edit a document end with one state, whatever was cut, delayed or repeated",
  ids: ["CONV-01"],
  phase: "shared",
  limitMs: 90_000,
  run: async (t, lab) => {
    const entity = await t.room();
    const editors: Editor[] = [];
    for (let index = 0; index < EDITORS; index += 1) {
      const peer = await join(t, lab);
      const document = lab.document();
      peer.follow(entity, document);
      peer.subscribe(entity);
      editors.push({ peer, document, sent: [], isAway: false });
    }
    const marks = new Set<string>();
    for (let round = 0; round < EDITS; round += 1) {
      for (const [index, editor] of editors.entries()) {
        const name = `e${index}-${round}`;
        let update = edit(t, editor.document, name);
        editor.sent.push(update);
        editor.peer.send(entity, update);
        if (round % 10 === index) {
          update = editor.document.push(`mark ${name}`);
          marks.add(`mark ${name}`);
          editor.sent.push(update);
          editor.peer.send(entity, update);
        }
        // A repeat is harmless.
        if (t.prng.below(20) === 0) editor.peer.send(entity, t.prng.pick(editor.sent));
      }
      const [away, cut] = [editors[round % EDITORS], editors[(round + 5) % EDITORS]];
      if (round % 40 === 10 && cut !== undefined) {
        cut.peer.socket.cut();
        cut.isAway = true;
      }
      if (round % 40 === 30) for (const editor of editors) if (editor.isAway) await comeBack(t, lab, editor, entity);
      if (away !== undefined && round % 7 === 0) await t.sleep(10);
    }
    for (const editor of editors) if (editor.isAway) await comeBack(t, lab, editor, entity);
    for (const editor of editors) await settled(t, lab, editor.peer, 20_000);
    const isQuiet = await quiet(
      t,
      editors.map(({ peer }) => peer),
      20_000,
    );
    if (!isQuiet) throw new Precondition("traffic did not end");
    const late = await join(t, lab);
    const fresh = lab.document();
    late.follow(entity, fresh);
    late.subscribe(entity);
    await t.until(() => fresh.version() === editors[0]?.document.version(), SHALL_MS);
    const wanted = editors[0]?.document;
    if (wanted === undefined) return;
    for (const [who, document] of [
      ...editors.map((each, index) => [`editor ${index}`, each.document] as const),
      ["a late joiner", fresh] as const,
    ]) {
      // Taking in what has come is long work: others have their turn in between.
      await t.sleep(1);
      const isEqual = document.json() === wanted.json() && document.version() === wanted.version();
      t.check(
        id("CONV-01"),
        isEqual,
        breach(
          "diverged",
          `${who} holds what editor 0 holds`,
          `${document.names().length} of ${wanted.names().length} entries, ${document.textLength()} of ${wanted.textLength()} characters`,
        ),
      );
      const names = document.names();
      const missing = [...marks].filter((mark) => !names.includes(mark));
      t.check(
        id("CONV-01"),
        missing.length === 0,
        breach("lost", `${who} holds all ${marks.size} marks`, `${missing.length} missing, such as ${missing[0] ?? ""}`),
      );
      const doubled =
        names.filter((name) => name.startsWith("mark ")).length - new Set(names.filter((name) => name.startsWith("mark "))).size;
      t.check(id("CONV-01"), doubled === 0, breach("doubled", "each mark once", `${doubled} twice`));
    }
  },
};

const STORED = 200;

async function readBack(t: CaseContext, lab: Lab, entity: string, wanted: LabDocument, what: string, url?: string): Promise<void> {
  const reader = await join(t, lab, url === undefined ? {} : { url });
  const copy = lab.document();
  reader.follow(entity, copy);
  reader.subscribe(entity);
  await t.until(() => copy.json() === wanted.json(), SHALL_MS);
  t.check(
    id("CONV-02"),
    copy.json() === wanted.json(),
    breach("lost", `${what}: a fresh client gets all ${wanted.names().length} entries`, `${copy.names().length} entries`),
  );
}

async function writeAlone(t: CaseContext, lab: Lab, entity: string, url?: string): Promise<LabDocument> {
  const author = await join(t, lab, url === undefined ? {} : { url });
  const document = lab.document();
  for (let n = 0; n < STORED; n += 1) {
    author.send(entity, document.push(`stored ${n}`));
    if (n < STORED / 2 && n % 10 === 0) await t.sleep(5);
  }
  author.socket.close();
  await t.until(() => author.socket.closed !== undefined, SHALL_MS);
  return document;
}

const stored: SyncCase = {
  name: "convergence/stored",
  title: "What was written while nobody else was there is there for who comes later",
  ids: ["CONV-02"],
  phase: "shared",
  run: async (t, lab) => {
    const entity = await t.room();
    const document = await writeAlone(t, lab, entity);
    await t.sleep(5_000);
    await readBack(t, lab, entity, document, "5 s after the author has gone");
  },
};

const restarted: SyncCase = {
  name: "convergence/restarted",
  title: "What was written is there after a restart",
  ids: ["CONV-02"],
  phase: "own",
  needs: ["restart", "processControl"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const entity = await t.room();
    const DATA_DIR = lab.folder();
    const first = await t.launch({ DATA_DIR });
    if (first.url === undefined) return t.inconclusive(id("CONV-02"), "no instance");
    const document = await writeAlone(t, lab, entity, first.url);
    await first.end(12_000);
    const second = await t.launch({ DATA_DIR });
    if (second.url === undefined) return t.inconclusive(id("CONV-02"), "it did not start again");
    await readBack(t, lab, entity, document, "after a restart", second.url);
    second.kill();
  },
};

/** 1, 63, 64 and 65 KiB, 1 and 10 MiB. */
const SIZES_KIB = [1, 63, 64, 65, 1_024, 10_240];
/** One update stays below every frame limit. */
const PIECE_KIB = 256;

const large: SyncCase = {
  name: "convergence/large",
  title: "Documents larger than a storage cell come back whole",
  ids: ["CONV-03"],
  phase: "shared",
  limitMs: 90_000,
  run: async (t, lab) => {
    const letters = "0123456789abcdefghijklmnopqrstuvwxyz";
    const noise = Array.from({ length: 1_024 }, () => letters.charAt(t.prng.below(36))).join("");
    for (const size of SIZES_KIB) {
      const entity = await t.room();
      const author = await join(t, lab);
      const document = lab.document();
      for (let left = size; left > 0; left -= PIECE_KIB) author.send(entity, document.type(1, noise.repeat(Math.min(left, PIECE_KIB))));
      if (!(await settled(t, lab, author, 20_000))) throw new Precondition(`${size} KiB were not taken in 20 s`);
      const reader = await join(t, lab);
      const copy = lab.document();
      reader.follow(entity, copy);
      reader.subscribe(entity);
      const isWhole = (): boolean => copy.textLength() === document.textLength() && copy.json() === document.json();
      await t.until(isWhole, 15_000);
      t.check(
        id("CONV-03"),
        isWhole(),
        breach("lost", `${size} KiB come back whole`, `${copy.textLength()} of ${document.textLength()} characters`),
      );
      for (const peer of [author, reader]) peer.socket.close();
    }
  },
};

const AWAY_MS = 60_000;

const resume: SyncCase = {
  name: "convergence/resume",
  title: "Who lost its connection comes back with a fresh token and goes on without loss",
  ids: ["RES-01"],
  phase: "waiting",
  limitMs: 120_000,
  run: async (t, lab) => {
    const entity = await t.room();
    const user = await t.user();
    const token = await signIn(t, user);
    const socket = await handshake(t, lab, user.id, token);
    if (!socket.isOpen) throw new Precondition(`no socket: ${socket.status}`);
    let mine = peerOn(lab, user, socket);
    const other = await join(t, lab);
    const [own, theirs] = [lab.document(), lab.document()];
    for (const [peer, document] of [
      [mine, own],
      [other, theirs],
    ] as const) {
      peer.follow(entity, document);
      peer.subscribe(entity);
      await settled(t, lab, peer);
    }
    const unsure: Uint8Array[] = [];
    for (let n = 0; n < 20; n += 1) {
      mine.send(entity, own.push(`before ${n}`));
      other.send(entity, theirs.push(`other ${n}`));
    }
    await quiet(t, [mine, other]);
    await t.sleep(t.has("longWaits") ? AWAY_MS : 35_000);
    socket.cut();
    for (let n = 0; n < 10; n += 1) {
      unsure.push(own.push(`offline ${n}`));
      other.send(entity, theirs.push(`meanwhile ${n}`));
    }
    await t.sleep(1_000);
    const old = await handshake(t, lab, user.id, token);
    t.check(id("RES-01"), old.status === 403, breach("not-refused", "the old token is refused", String(old.status)));
    mine = await join(t, lab, { user });
    mine.follow(entity, own);
    mine.subscribe(entity, own);
    for (const update of [...unsure, ...unsure.slice(0, 3)]) mine.send(entity, update);
    await settled(t, lab, mine);
    await quiet(t, [mine, other]);
    const isEqual = own.json() === theirs.json();
    t.check(id("RES-01"), isEqual, breach("lost", "both hold the same", `${own.names().length} and ${theirs.names().length} entries`));
    const names = theirs.names();
    t.check(id("RES-01"), names.length === 60, breach(names.length > 60 ? "doubled" : "lost", "all 60 entries, once", `${names.length}`));
    const late = await join(t, lab);
    const copy = lab.document();
    late.follow(entity, copy);
    late.subscribe(entity);
    await t.until(() => copy.json() === own.json(), SHALL_MS);
    t.check(id("RES-01"), copy.json() === own.json(), breach("lost", "the server holds it too", `${copy.names().length} entries`));
  },
};

/** Documents: equal everywhere, kept, whole. */
export const convergenceCases: readonly SyncCase[] = [storm, stored, restarted, large, resume];
