import { expect, it } from "vitest";
import type { CaseClient } from "../../src/core/case.ts";
import type { Observation } from "../../src/core/observation.ts";
import { deliveredCount } from "./support.ts";

const base = { atMs: 0, client: 1, room: "one" };
const delivered = (author: number, n: number): Observation => ({
  ...base,
  kind: "delivered",
  author: String(author),
  marker: { run: "run", author, n, intact: true },
  content: "",
});

it("writes of other rooms, copies, and what carries no marker are not taken for writes that are still to come", () => {
  const client = {
    seen: [delivered(1, 0), delivered(9, 0), delivered(1, 0), { ...base, kind: "delivered", author: "1", content: "" }, delivered(2, 0)],
  } as unknown as CaseClient;
  expect(deliveredCount(client, new Set([1, 2, 3]))).toBe(2);
});
