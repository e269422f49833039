import type { Operations } from "../../core/binding.ts";
import type { Json } from "../../core/op.ts";
import type { Prng } from "../../core/prng.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz ";
/** Fields of the root map: few, so that authors meet at them. */
const KEYS = 20;

function letters(prng: Prng, count: number): string {
  return Array.from({ length: count }, () => LETTERS.charAt(prng.below(LETTERS.length))).join("");
}

/**
 * What editors of a document do. Places are shares of the document's length, since two replicas need not be equally
 * long: `type` inserts into the text `t`, `erase` deletes from it, `set` writes a field of the map `m`, `burst` is a
 * word at once. A marked write of any kind pushes its marker to the list `log` as well.
 */
const MAKERS: Readonly<Record<string, (prng: Prng) => Json>> = {
  type: (prng) => ({ do: "type", at: share(prng), text: letters(prng, 1) }),
  erase: (prng) => ({ do: "erase", at: share(prng), count: 1 + prng.below(3) }),
  set: (prng) => ({ do: "set", key: `k${prng.below(KEYS)}`, to: prng.below(1_000_000) }),
  burst: (prng) => ({ do: "type", at: share(prng), text: letters(prng, 4 + prng.below(12)) }),
};

function share(prng: Prng): number {
  return prng.below(1_000) / 1_000;
}

/** Typing is what people do most. */
export const operations: Operations = {
  mix: { type: 10, erase: 2, set: 2, burst: 1 },
  make: (name, prng) => {
    const maker = Object.hasOwn(MAKERS, name) ? MAKERS[name] : undefined;
    if (maker === undefined) throw new RangeError(`sync has no operation "${name}"; there are ${Object.keys(MAKERS).join(", ")}`);
    return maker(prng);
  },
};

/** An edit as a document model has to carry it out. */
export type Edit =
  | { readonly do: "type"; readonly at: number; readonly text: string }
  | { readonly do: "erase"; readonly at: number; readonly count: number }
  | { readonly do: "set"; readonly key: string; readonly to: Json };

/** Reads a write's value; what is no edit of ours is set as the field `value` of the map. */
export function readEdit(value: Json): Edit {
  if (typeof value === "object" && value !== null && "do" in value) {
    const at = typeof value["at"] === "number" ? value["at"] : 0;
    if (value["do"] === "type" && typeof value["text"] === "string") return { do: "type", at, text: value["text"] };
    if (value["do"] === "erase" && typeof value["count"] === "number") return { do: "erase", at, count: value["count"] };
    if (value["do"] === "set" && typeof value["key"] === "string") return { do: "set", key: value["key"], to: value["to"] ?? null };
  }
  return { do: "set", key: "value", to: value };
}
