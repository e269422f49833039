import type { Operations } from "../../core/binding.ts";
import type { Json } from "../../core/op.ts";
import type { Prng } from "../../core/prng.ts";
import type { ChatEvent } from "./events.ts";

/** The room that everybody reads. */
export const MAIN_ROOM = "general";
const ROOMS = [MAIN_ROOM, MAIN_ROOM, "random", "help", "music"] as const;

const WORDS = [
  "hello",
  "well met",
  "who is coming tonight?",
  "grüße",
  "see you at noon",
  "👋 all",
  "that was quick",
  "one moment please",
] as const;

/** `edit` and `delete` mean the author's last message; the session fills in which one that is. */
const MAKERS: Readonly<Record<string, (prng: Prng) => Json>> = {
  post: (prng) => ({ kind: "post", room: prng.pick(ROOMS), body: words(prng) }),
  edit: (prng) => ({ kind: "edit", body: words(prng) }),
  delete: () => ({ kind: "delete" }),
};

function words(prng: Prng): string {
  return Array.from({ length: 1 + prng.below(4) }, () => prng.pick(WORDS)).join(" ");
}

/** What people in a chat do: mostly they write. */
export const operations: Operations = {
  mix: { post: 17, edit: 2, delete: 1 },
  make: (name, prng) => {
    const maker = Object.hasOwn(MAKERS, name) ? MAKERS[name] : undefined;
    if (maker === undefined) throw new RangeError(`leaf has no operation "${name}"; there are ${Object.keys(MAKERS).join(", ")}`);
    return maker(prng);
  },
};

/** The event of a write's value. `target`: the author's last message; without one there is nothing to change, and the write becomes a post. */
export function eventOf(value: Json, target: string | undefined): ChatEvent {
  const fields = typeof value === "object" && value !== null && !Array.isArray(value) ? (value as { readonly [key: string]: Json }) : {};
  const { kind, room, body } = fields;
  const words = typeof body === "string" ? { body } : {};
  if ((kind === "edit" || kind === "delete") && target !== undefined) return { kind, target, ...words };
  return { kind: "post", room: typeof room === "string" ? room : MAIN_ROOM, ...words };
}
