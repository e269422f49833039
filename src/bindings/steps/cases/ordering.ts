import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { canonicalJson } from "../json.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, SOON_MS, type Table, withPeers } from "./peer.ts";

const VERSIONS = requirementId("STEP-ORD-02");
const CONFLICT = requirementId("STEP-ORD-03");
const COUNT = requirementId("STEP-ORD-04");
const BATCH = requirementId("STEP-ORD-05");

/** Order of steps: versions, conflicts, batches. */
export function orderingCases(kit: Kit): readonly CaseDefinition[] {
  return [
    {
      name: "ordering/versions",
      title: "Versions rise by the steps of a batch, at the author and at all others",
      ids: [VERSIONS],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => versions(table)),
    },
    {
      name: "ordering/conflict",
      title: "Of two batches against one version one is taken, and the other can be brought in",
      ids: [CONFLICT],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => conflict(table)),
    },
    {
      name: "ordering/no-such-version",
      title: "A version that is no count the room has reached is refused",
      ids: [COUNT],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => noSuchVersion(table)),
    },
    {
      name: "ordering/batch",
      title: "A batch is applied wholly, in its order, or not at all",
      ids: [BATCH],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => batch(table)),
    },
  ];
}

async function versions({ t, members }: Table): Promise<void> {
  const room = await t.room();
  const [author, ...others] = await members(room, 3);
  if (author === undefined) throw new Precondition("nobody joined");
  for (const size of [1, 2, 10, 100]) {
    const before = author.version;
    const marks = others.map((peer) => peer.mark);
    const outcome = await author.steps(Array.from({ length: size }, () => insert(1, "v")));
    if (outcome.kind !== "ack") throw new Precondition(`a batch of ${size} was not accepted`);
    t.check(
      VERSIONS,
      outcome.version === before + size,
      author.breach("miscounted", `version ${before + size} after ${size} steps on ${before}`, `${outcome.version}`),
    );
    for (const [index, peer] of others.entries()) {
      await peer.hear(({ message }) => message?.type === "steps", marks[index] ?? 0);
      let held = before;
      for (const { version, steps } of peer.of("steps", marks[index] ?? 0)) {
        t.check(
          VERSIONS,
          version - steps.length === held,
          peer.breach("miscounted", `steps that join version ${held}`, `${steps.length} steps to version ${version}`),
        );
        held = version;
      }
    }
    author.version = (await author.doc()).version;
  }
}

async function conflict({ t, members }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben] = await members(room, 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  await mustWrite(ann, [insert(1, "hello world")]);
  await ben.hear(({ message }) => message?.type === "steps", 0);
  const version = ann.version;
  const [fromAnn, fromBen] = [ann.mark, ben.mark];
  ann.send({ type: "steps", steps: [insert(1, "XX")], version, userId: ann.id });
  ben.send({ type: "steps", steps: [insert(7, "YY")], version, userId: ben.id });
  const [first, second] = await Promise.all([ann.verdict(fromAnn), ben.verdict(fromBen)]);
  const taken = [first, second].filter(({ kind }) => kind === "ack").length;
  const { content } = await ann.doc();
  if (taken === 2) {
    // A server may rebase by itself; then both are where their authors put them.
    t.check(
      CONFLICT,
      content.includes("XXhello YYworld"),
      ben.breach("not-refused", "steps against an old version rebased or refused", content),
    );
    return;
  }
  if (!t.check(CONFLICT, taken === 1, ben.breach("lost", "exactly one of two batches against one version taken", `${taken} taken`))) return;
  const [loser, text, from] = first.kind === "ack" ? [ben, "YY", fromBen] : [ann, "XX", fromAnn];
  const verdict = first.kind === "ack" ? second : first;
  t.check(CONFLICT, verdict.kind === "error", loser.breach("silent", `a refusal within ${SOON_MS} ms`, verdict.kind));
  t.check(CONFLICT, !content.includes(text), loser.breach("not-refused", "nothing of a refused batch in the document", content));
  await t.until(() => loser.version > version, SOON_MS);
  const isSupplied = loser.of("steps", from).length > 0 || loser.of("doc-snapshot", from).length > 0 || (await history(loser, version));
  t.check(CONFLICT, isSupplied, loser.breach("absent", "the steps or the document that the refused batch lacked", "neither"));
  loser.version = (await loser.doc()).version;
  const again = await loser.steps([insert(loser === ben ? 9 : 1, text)]);
  t.check(CONFLICT, again.kind === "ack", loser.breach("not-refused", `rebased and sent again: accepted within ${SOON_MS} ms`, again.kind));
}

async function history(peer: import("./peer.ts").Peer, sinceVersion: number): Promise<boolean> {
  const from = peer.mark;
  peer.send({ type: "history-request", sinceVersion });
  return (await peer.hear(({ message }) => message?.type === "history" && message.steps.length > 0, from)) !== undefined;
}

async function noSuchVersion({ t, members }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben] = await members(room, 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  await mustWrite(ann, [insert(1, "one "), insert(1, "two ")]);
  await ben.hear(({ message }) => message?.type === "steps", 0);
  const bad: readonly (readonly [string, unknown])[] = [
    ["the next one", ann.version + 1],
    ["one far ahead", ann.version + 1_000],
    ["-1", -1],
    ["a fraction", 0.5],
    ["a fraction behind the present", ann.version + 0.25],
    ["a text", String(ann.version)],
    ...(t.target.dialect === "documented" ? [["none", undefined] as const] : []),
  ];
  const before = await ann.doc();
  for (const [name, version] of bad) {
    const [fromAnn, fromBen] = [ann.mark, ben.mark];
    ann.bent({ type: "steps", steps: [insert(1, "bad ")], version: 0, userId: ann.id }, { version });
    const outcome = await ann.verdict(fromAnn);
    const after = await ben.doc();
    const isTaken =
      outcome.kind === "ack" || after.version !== before.version || after.content !== before.content || ben.of("steps", fromBen).length > 0;
    t.check(COUNT, !isTaken, ann.breach("not-refused", `version ${name} refused`, `the room is at ${after.version}`));
    if (isTaken) return;
    t.check(
      COUNT,
      outcome.kind === "error" || outcome.kind === "closed",
      ann.breach("silent", `an error for version ${name}`, outcome.kind),
    );
    if (!ann.isOpen) return;
  }
}

async function batch({ t, members }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben] = await members(room, 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  await mustWrite(ann, [insert(1, "base ")]);
  const before = await ann.doc();
  const from = ben.mark;
  const bad = Array.from({ length: 10 }, (_, n) => insert(n === 6 ? 9_999 : 1, `${n}`));
  const refused = await ann.steps(bad, before.version);
  await t.sleep(200);
  const after = await ben.doc();
  const isWhole =
    refused.kind !== "ack" && after.version === before.version && after.content === before.content && ben.of("steps", from).length === 0;
  t.check(
    BATCH,
    isWhole,
    ann.breach("not-refused", "nothing of a batch whose seventh step is bad", `version ${after.version}: ${after.content.slice(0, 200)}`),
  );
  ann.version = after.version;
  const mark = ben.mark;
  const good = Array.from({ length: 10 }, (_, n) => insert(1 + n, String.fromCharCode(97 + n)));
  const taken = await ann.steps(good);
  if (taken.kind !== "ack") throw new Precondition("a good batch was not accepted");
  await t.until(() => ben.of("steps", mark).reduce((sum, { steps }) => sum + steps.length, 0) >= 10, SOON_MS);
  const got = ben.of("steps", mark).flatMap(({ steps }) => steps);
  const same = (step: unknown): string => ann.kit.sameStep(t.target.dialect, step) ?? canonicalJson(null);
  t.check(
    BATCH,
    got.length === 10 && got.every((step, index) => same(step) === same(good[index])),
    ben.breach(got.length < 10 ? "lost" : "disordered", "the ten steps of the batch in their order", canonicalJson(got).slice(0, 300)),
  );
}
