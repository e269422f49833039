import type { Operations } from "../../core/binding.ts";
import type { Json } from "../../core/op.ts";
import type { Prng } from "../../core/prng.ts";
import { EDITS } from "./editing.ts";

/** What people type: short words, some beyond ASCII, one beyond the basic plane, one written from right to left. */
const WORDS = ["and ", "the ", "draft ", "naïve ", "été ", "👋 ", "שלום ", "rewrite ", "so ", "e\u0301tude "] as const;

/** Most of it is typing; everything else shapes the document now and then. Each act types a word with its marker as well. */
export const operations: Operations = {
  mix: { type: 12, erase: 6, split: 2, join: 2, mark: 2, unmark: 1, wrap: 1, lift: 1, list: 1, heading: 1 },
  make: (name, prng) => {
    if (name === "cursor") return cursor(prng);
    const edit = EDITS.find((each) => each === name);
    if (edit === undefined) throw new RangeError(`steps has no operation "${name}"; there are ${EDITS.join(", ")}, cursor`);
    return { do: edit, at: prng.next(), text: prng.pick(WORDS), span: 4 + prng.below(40) };
  },
};

/** A presence: mostly a cursor alone, sometimes a selection, either way round. */
function cursor(prng: Prng): Json {
  const pos = 1 + prng.below(400);
  if (prng.below(3) > 0) return { cursor: { pos }, metadata: { name: prng.pick(WORDS) } };
  return { selection: { from: pos, to: 1 + prng.below(400) } };
}
