import type { Operations } from "../../core/binding.ts";
import type { Json } from "../../core/op.ts";
import type { Prng } from "../../core/prng.ts";
import { type Act, type Show, valueOf } from "./acts.ts";

const EMOJI = ["👍", "🎉", "❤️", "👀"] as const;
const WORDS = ["tea", "harbour", "seven", "violet", "runs", "late", "under", "bridge", "again", "slowly"] as const;

function sentence(prng: Prng): string {
  return Array.from({ length: 3 + prng.below(9) }, () => prng.pick(WORDS)).join(" ");
}

const MAKE: Readonly<Record<string, (prng: Prng) => Act | Show>> = {
  send: (prng) => ({ do: "send", content: sentence(prng) }),
  edit: (prng) => ({ do: "edit", pick: prng.next(), content: sentence(prng) }),
  delete: (prng) => ({ do: "delete", pick: prng.next() }),
  react: (prng) => ({ do: "react", pick: prng.next(), emoji: prng.pick(EMOJI), on: prng.below(4) > 0 }),
  typing: () => ({ do: "typing", isTyping: true }),
  "typing-ends": () => ({ do: "typing", isTyping: false }),
  "typing-aside": () => ({ do: "typing", isTyping: true, aside: true }),
  "typing-aside-ends": () => ({ do: "typing", isTyping: false, aside: true }),
  away: () => ({ do: "status", status: "away" }),
  back: () => ({ do: "status", status: "online" }),
};

/** What users of the chat do; messages are chosen by their share among those that a replica shows. */
export const operations: Operations = {
  mix: { send: 88, edit: 5, react: 5, delete: 2 },
  make(name: string, prng: Prng): Json {
    const make = MAKE[name];
    if (make === undefined) throw new RangeError(`jazz has no operation "${name}"`);
    return valueOf(make(prng));
  },
};
