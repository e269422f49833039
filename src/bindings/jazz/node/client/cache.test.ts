import { expect, it } from "vitest";
import type { Message } from "../../messages.ts";
import { CACHE_MAX, MessageCache } from "./cache.ts";

function message(n: number, content = ""): Message {
  return { id: `co_z${n}`, content, createdAt: n, author: "co_zA", threadId: "co_zT", reactions: {}, hiddenIn: [] };
}

it("drops what came first once it is full, and nothing when a held message is set again", () => {
  const cache = new MessageCache(undefined);
  for (let n = 0; n < CACHE_MAX; n += 1) cache.set(message(n));
  cache.set(message(0, "edited"));
  expect([cache.size, cache.get("co_z0")?.content]).toEqual([CACHE_MAX, "edited"]);
  cache.set(message(CACHE_MAX));
  expect([cache.size, cache.get("co_z0"), cache.get("co_z1")?.id]).toEqual([CACHE_MAX, undefined, "co_z1"]);
});
