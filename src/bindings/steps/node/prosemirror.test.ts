import { collab, getVersion, receiveTransaction, sendableSteps } from "prosemirror-collab";
import { Node } from "prosemirror-model";
import { EditorState } from "prosemirror-state";
import { Step } from "prosemirror-transform";
import { expect, test } from "vitest";
import type { Json } from "../../../core/op.ts";
import { createPrng } from "../../../core/prng.ts";
import { EDITS, type Edit, type Replica } from "../editing.ts";
import { prosemirrorEditing } from "./prosemirror.ts";
import { schemaNamed } from "./schema.ts";

const EMPTY: Json = { type: "doc", content: [{ type: "paragraph" }] };
const editing = prosemirrorEditing("basic");
const schema = schemaNamed("basic");

function opened(): Replica {
  const replica = editing.open(EMPTY, 0);
  if (replica === undefined) throw new Error("not opened");
  return replica;
}

test.each(["a", "b", "c"])("rebasing gives what prosemirror-collab gives, whatever is written (seed %s)", (seed) => {
  const prng = createPrng(seed);
  const act = (): Edit => ({ do: prng.pick(EDITS), at: prng.next(), text: "w", span: 1 + prng.below(12) });
  const [ours, other] = [opened(), opened()];
  let theirs = EditorState.create({ doc: Node.fromJSON(schema, EMPTY), plugins: [collab({ clientID: "ours" })] });
  for (let round = 0; round < 150; round += 1) {
    // Own steps, in both; then foreign ones, which come below them.
    const count = ours.unconfirmed;
    ours.edit(act(), `o${round} `, round);
    const mine = ours.sendable(1_000)?.steps.slice(count) ?? [];
    const tr = theirs.tr;
    for (const step of mine) tr.step(Step.fromJSON(schema, step));
    theirs = theirs.apply(tr);
    if (prng.below(3) > 0) {
      other.edit(act(), `f${round} `, round);
      const sent = other.sendable(1_000)?.steps ?? [];
      other.confirm(sent.length);
      const batch = editing.parse(sent);
      if (batch === undefined) throw new Error("not parsed");
      expect(ours.receive(batch)).toBe(true);
      const steps = sent.map((step) => Step.fromJSON(schema, step));
      theirs = theirs.apply(
        receiveTransaction(
          theirs,
          steps,
          steps.map(() => "other"),
        ),
      );
    }
    expect(ours.doc()).toEqual(theirs.doc.toJSON());
    expect(ours.sendable(1_000)?.steps ?? []).toEqual((sendableSteps(theirs)?.steps ?? []).map((step) => step.toJSON() as Json));
    theirs.doc.check();
    if (round % 5 !== 4) continue;
    // What is unconfirmed is taken by the server, and comes to the other side.
    const batch = ours.sendable(1_000);
    const steps = (batch?.steps ?? []).map((step) => Step.fromJSON(schema, step));
    ours.confirm(steps.length);
    theirs = theirs.apply(
      receiveTransaction(
        theirs,
        steps,
        steps.map(() => "ours"),
      ),
    );
    const parsed = editing.parse(batch?.steps ?? []);
    if (parsed !== undefined && parsed.size > 0) expect(other.receive(parsed)).toBe(true);
    expect(ours.version).toBe(getVersion(theirs));
    expect(other.doc()).toEqual(ours.doc());
  }
});

test("members that hold equal documents share the document after a batch", () => {
  const batch = editing.parse([{ stepType: "replace", from: 1, to: 1, slice: { content: [{ type: "text", text: "x" }] } }]);
  if (batch === undefined) throw new Error("not parsed");
  const members = Array.from({ length: 3 }, opened);
  for (const member of members) expect(member.receive(batch)).toBe(true);
  expect(members.map((member) => editing.canonical(member.doc()))).toEqual(
    Array.from({ length: 3 }, () => editing.canonical(members[0]?.doc() ?? null)),
  );
});

test("a document that is too long loses what comes in", () => {
  const replica = opened();
  for (let n = 0; n < 2_000; n += 1) {
    replica.edit({ do: "type", at: (n % 97) / 97, text: "" }, "twelve chars", n);
    if (n % 50 === 49) replica.confirm(replica.unconfirmed);
  }
  expect(JSON.stringify(replica.doc()).length).toBeLessThan(20_000);
});
