import { type CaseClient, type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { operations } from "../operations.ts";
import { EDITS } from "../editing.ts";
import { markersIn } from "../marker.ts";
import type { StepJson } from "../messages.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, type Peer, remove, SOON_MS, type Table, withPeers } from "./peer.ts";
import { isRefused } from "./session.ts";

const SAME = requirementId("STEP-CONV-01");
const OWNED = requirementId("STEP-CONV-03");
const ONCE = requirementId("STEP-CONV-04");
const KINDS = requirementId("STEP-CONV-05");

/** A storm of edits lasts this long, then all come to rest. */
const STORM_MS = 5_000;
const QUIET_MS_MAX = 10_000;
const EDITORS = [2, 6, 10] as const;

/** Documents: the same everywhere, owned by the server, nothing lost or doubled, nothing changed on the way. */
export function convergenceCases(kit: Kit): readonly CaseDefinition[] {
  return [
    ...EDITORS.map((count): CaseDefinition => ({
      name: `convergence/${count}-editors`,
      title: `${count} editors at work, then at rest, hold the document that the accepted steps give`,
      ids: [SAME],
      phase: "shared",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => storm(table, count)),
    })),
    {
      name: "convergence/owned",
      title: "The document outlives its users, and steps that do not fit it are refused",
      ids: [OWNED],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => owned(table)),
    },
    {
      name: "convergence/once",
      title: "What is typed and confirmed stands in the document once",
      ids: [ONCE],
      phase: "shared",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => once(table)),
    },
    {
      name: "convergence/step-kinds",
      title: "Every kind of step passes unchanged",
      ids: [KINDS],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => kinds(table)),
    },
  ];
}

function accepted(client: CaseClient): number {
  let count = 0;
  for (const each of client.seen) if (each.kind === "accepted") count += 1;
  return count;
}

/** Waits until every write is confirmed, or nothing moves any more. */
async function settle(t: CaseContext, clients: readonly CaseClient[], writes: number): Promise<void> {
  await t.until(() => clients.reduce((sum, client) => sum + accepted(client), 0) >= writes, QUIET_MS_MAX);
  await t.sleep(300);
}

async function storm({ t, kit, stranger }: Table, count: number): Promise<void> {
  const room = await t.room({ places: count });
  const clients = await t.openMany(count, { room });
  const names = t.target.dialect === "documented" ? EDITS : (["type", "erase", "split", "join"] as const);
  let writes = 0;
  const endMs = t.nowMs() + STORM_MS;
  while (t.nowMs() < endMs) {
    for (const client of clients) client.write(operations.make(t.prng.pick(names), t.prng));
    writes += count;
    await t.sleep(60);
  }
  await settle(t, clients, writes);
  // A read holds the server's document against the member's own.
  for (const client of clients) client.read();
  await t.sleep(500);
  await t.judge({ convergence: SAME });
  const diverged = clients.flatMap((client) =>
    client.seen.flatMap((each) => (each.kind === "problem" && each.reason === "diverged" ? [each.text] : [])),
  );
  t.check(SAME, diverged.length === 0, {
    reason: "diverged",
    expected: "the document that the server has at every member",
    seen: diverged[0] ?? "",
  });
  const newcomer = await stranger(room);
  const first = await newcomer.join(undefined, 5_000);
  if (first?.message?.type !== "doc-snapshot") throw new Precondition("a newcomer got no document");
  const { version } = first.message;
  const shown = kit.editing(t.target.dialect).canonical(first.message.doc);
  const asked = clients.flatMap((client) =>
    client.seen.flatMap((each) => (each.kind === "snapshot" && each.position === version ? [each.content] : [])),
  );
  t.check(
    SAME,
    asked.every((content) => content === shown),
    newcomer.breach("diverged", "what the others were shown", shown.slice(0, 300)),
  );
  t.report(
    SAME,
    `${count} editors: ${writes} acts, ${clients.reduce((sum, client) => sum + accepted(client), 0)} confirmed, ${version} steps`,
  );
  if (t.has("history")) await replay(newcomer, version, shown);
}

/** All accepted steps, applied one after another to an empty document, give the server's document. */
async function replay(peer: Peer, version: number, shown: string): Promise<void> {
  const from = peer.mark;
  peer.send({ type: "history-request", sinceVersion: 0 });
  const found = await peer.hear(({ message }) => message?.type === "history", from, 5_000);
  if (found?.message?.type !== "history") return peer.t.report(SAME, "the history from the start is not kept; nothing was replayed");
  const editing = peer.kit.editing(peer.t.target.dialect);
  const replica = editing.open({ type: "doc", content: [{ type: "paragraph" }] }, 0);
  const steps = editing.parse(found.message.steps);
  const isWhole = replica !== undefined && steps !== undefined && replica.receive(steps) && steps.size === version;
  const content = isWhole && replica !== undefined ? editing.canonical(replica.doc()) : "steps that do not apply";
  peer.t.check(SAME, content === shown, peer.breach("diverged", `the document that ${version} accepted steps give`, content.slice(0, 300)));
}

async function owned({ t, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const ann = await member(room);
  await mustWrite(ann, [insert(1, "kept by the server")]);
  const before = await ann.doc();
  await isRefused(t, OWNED, ann, ann, () => ann.steps([insert(600, "z")], before.version));
  await isRefused(t, OWNED, ann, ann, () => ann.steps([misfit()], before.version));
  if (!t.has("documentKept")) return;
  // What became of the steps that do not fit is judged above.
  const last = await ann.doc();
  ann.send({ type: "leave", userId: ann.id });
  await t.sleep(100);
  ann.end();
  await t.sleep(300);
  const newcomer = await stranger(room);
  const snapshot = await newcomer.join();
  const got = snapshot?.message?.type === "doc-snapshot" ? snapshot.message : undefined;
  const content = got === undefined ? "nothing" : newcomer.kit.editing(t.target.dialect).canonical(got.doc);
  t.check(OWNED, got?.version === last.version && content === last.content, newcomer.breach("lost", last.content, content.slice(0, 300)));
}

/** Well formed, and against either schema: a paragraph inside of a paragraph. */
function misfit(): StepJson {
  return { stepType: "replace", from: 1, to: 1, slice: { content: [{ type: "paragraph", content: [{ type: "paragraph" }] }] } };
}

async function once({ t, stranger }: Table): Promise<void> {
  const editors = 7;
  const room = await t.room({ places: editors });
  const clients = await t.openMany(editors, { room });
  const rounds = 20;
  for (let round = 0; round < rounds; round += 1) {
    for (const client of clients) client.write({ do: "type", at: t.prng.next(), text: "w" });
    await t.sleep(40);
  }
  await settle(t, clients, editors * rounds);
  const newcomer = await stranger(room);
  const snapshot = await newcomer.join(undefined, 5_000);
  if (snapshot?.message?.type !== "doc-snapshot") throw new Precondition("a newcomer got no document");
  const counts = new Map<string, number>();
  for (const key of markersIn(snapshot.message.doc)) counts.set(key, (counts.get(key) ?? 0) + 1);
  let judged = 0;
  for (const client of clients) {
    const confirmed = new Set(client.seen.flatMap((each) => (each.kind === "accepted" ? [each.op] : [])));
    for (const each of client.seen) {
      if (each.kind !== "invoked" || each.marker === undefined || !confirmed.has(each.op)) continue;
      judged += 1;
      const found = counts.get(`${each.marker.run}/${each.marker.author}/${each.marker.n}`) ?? 0;
      if (found === 1) continue;
      t.check(
        ONCE,
        false,
        newcomer.breach(
          found === 0 ? "lost" : "doubled",
          `a=${each.marker.author} n=${each.marker.n} once in the document`,
          `${found} times`,
        ),
      );
      return;
    }
  }
  if (judged === 0) throw new Precondition("nothing was confirmed");
  t.check(ONCE, true, { reason: "lost", expected: "", seen: "" });
  t.report(ONCE, `${judged} of ${editors * rounds} acts confirmed, each once in the document`);
}

async function kinds({ t, members }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben] = await members(room, 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  const text = "héllo 👋 e\u0301 שלום ";
  const common: readonly (readonly [string, StepJson])[] = [
    ["text beyond ASCII", insert(1, text)],
    ["more text", insert(1, "one two three ")],
    ["a deletion without slice", remove(2, 4)],
    ["a deletion with an empty slice", { stepType: "replace", from: 2, to: 3, slice: { content: [] } }],
    [
      "a split with open depths",
      {
        stepType: "replace",
        from: 5,
        to: 5,
        slice: { content: [{ type: "paragraph" }, { type: "paragraph" }], openStart: 1, openEnd: 1 },
        structure: true,
      },
    ],
    [
      "a replaceAround",
      {
        stepType: "replaceAround",
        from: 0,
        to: 6,
        gapFrom: 1,
        gapTo: 5,
        insert: 1,
        slice: { content: [{ type: "paragraph" }] },
        structure: true,
      },
    ],
  ];
  const image = { type: "image", attrs: { src: "a.png", alt: "a", title: null } };
  const basic: readonly (readonly [string, StepJson])[] = [
    ["a mark", { stepType: "addMark", mark: { type: "strong" }, from: 1, to: 3 }],
    [
      "a mark with attributes",
      { stepType: "addMark", mark: { type: "link", attrs: { href: "https://example.org/?a=1&b=é", title: "t" } }, from: 1, to: 4 },
    ],
    ["a mark taken away", { stepType: "removeMark", mark: { type: "strong" }, from: 1, to: 2 }],
    ["an image", { stepType: "replace", from: 2, to: 2, slice: { content: [image] } }],
    ["a node mark", { stepType: "addNodeMark", pos: 2, mark: { type: "em" } }],
    ["an attribute", { stepType: "attr", pos: 2, attr: "alt", value: "b ü" }],
    ["a node mark taken away", { stepType: "removeNodeMark", pos: 2, mark: { type: "em" } }],
    [
      "a wrapping",
      {
        stepType: "replaceAround",
        from: 0,
        to: 7,
        gapFrom: 0,
        gapTo: 7,
        insert: 1,
        slice: { content: [{ type: "blockquote" }] },
        structure: true,
      },
    ],
  ];
  for (const [name, step] of t.target.dialect === "documented" ? [...common, ...basic] : common) {
    const from = ben.mark;
    const outcome = await ann.steps([step]);
    if (
      !t.check(
        KINDS,
        outcome.kind === "ack",
        ann.breach("wrong-refusal", `${name}: accepted`, outcome.kind === "error" ? outcome.code : outcome.kind),
      )
    )
      return;
    const heard = await ben.hear(({ message }) => message?.type === "steps", from, SOON_MS);
    const got = heard?.message?.type === "steps" ? heard.message.steps[0] : undefined;
    const [sent, received] = [step, got].map((each) => ann.kit.sameStep(t.target.dialect, each));
    if (
      !t.check(
        KINDS,
        sent !== undefined && sent === received,
        ben.breach("damaged", `${name}: ${sent ?? ""}`, received ?? "nothing readable"),
      )
    )
      return;
  }
}
