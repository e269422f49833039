import { expect, test } from "vitest";
import type { Json } from "../../../core/op.ts";
import { schemaNamed } from "../node/schema.ts";
import { applySteps, flaw } from "./document.ts";
import { emptyDoc } from "./rooms.ts";

const schema = schemaNamed("basic");
const text = (value: string): Json => ({ content: [{ type: "text", text: value }] });
const typed = (at: number, value: string): Json => ({ stepType: "replace", from: at, to: at, slice: text(value) });

test("a batch is applied wholly, or not at all", () => {
  const doc = emptyDoc(schema);
  expect(applySteps(schema, doc, [typed(1, "ab"), typed(3, "c")])).toMatchObject({ ok: true });
  expect(applySteps(schema, doc, [typed(1, "ab"), typed(30, "c")])).toMatchObject({ ok: false, index: 1 });
});

test.each<[string, Json]>([
  ["below the start", { stepType: "replace", from: -1, to: 1 }],
  ["past the end", { stepType: "replace", from: 1, to: 900 }],
  ["a fraction", { stepType: "addMark", mark: { type: "em" }, from: 1.5, to: 2 }],
  ["from behind", { stepType: "replace", from: 2, to: 1 }],
  ["a gap that crosses its range", { stepType: "replaceAround", from: 1, to: 2, gapFrom: 0, gapTo: 2, insert: 0 }],
  ["a text", { stepType: "attr", pos: "1", attr: "level", value: 2 }],
  ["no step", null],
  ["steps inside of a markSet", { stepType: "markSet", steps: [{ stepType: "addMark", mark: { type: "em" }, from: 9, to: 1 }] }],
])("a position %s is refused before any schema looks at it", (_name, step) => {
  expect(flaw(step, 10)).toBeTypeOf("string");
});

test("what the schema does not allow is refused, however it comes", () => {
  const doc = emptyDoc(schema);
  const slice = (node: Json): Json => ({ stepType: "replace", from: 1, to: 1, slice: { content: [node] } });
  const bad: readonly Json[] = [
    { stepType: "zz" },
    { stepType: "__proto__" },
    slice({ type: "nope" }),
    slice({ type: "constructor" }),
    slice({ type: "paragraph", content: [{ type: "paragraph" }] }),
    { stepType: "replace", from: 0, to: 0, slice: text("loose") },
    slice({ type: "image", attrs: { src: 7 } }),
    { stepType: "addMark", mark: { type: "nope" }, from: 1, to: 1 },
  ];
  for (const step of bad) expect(applySteps(schema, doc, [step]).ok, JSON.stringify(step)).toBe(false);
});

test("nesting that would overflow a stack is refused", () => {
  let node: Json = { type: "paragraph" };
  for (let n = 0; n < 5_000; n += 1) node = { type: "blockquote", content: [node] };
  expect(applySteps(schema, emptyDoc(schema), [{ stepType: "replace", from: 0, to: 0, slice: { content: [node] } }])).toMatchObject({
    ok: false,
  });
});
