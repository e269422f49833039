import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldMessage, foldTimeline, liveVersions } from "./fold.ts";
import type { MessageEvent, Placed } from "./messages.ts";

const ACCOUNTS = ["co_zA", "co_zB", "co_zC"] as const;

function at<T>(account: string, index: number, value: T, device = 1): Placed<T> {
  return { account, session: `${account}_session_z${device}`, index, value };
}

const created = at<MessageEvent>("co_zA", 0, {
  kind: "create",
  author: "co_zA",
  threadId: "co_zT",
  content: "Original content",
  createdAt: 1_000,
});

const event: fc.Arbitrary<MessageEvent> = fc.oneof(
  fc.record({
    kind: fc.constant("edit" as const),
    version: fc.tuple(fc.constantFrom(...ACCOUNTS), fc.nat(3)).map(([account, n]) => `${account}/${n}`),
    parents: fc.array(
      fc.tuple(fc.constantFrom(...ACCOUNTS), fc.nat(3)).map(([account, n]) => `${account}/${n}`),
      { maxLength: 3 },
    ),
    content: fc.string({ maxLength: 8 }),
    at: fc.nat(5_000),
  }),
  fc.record({ kind: fc.constant("delete" as const), at: fc.nat(5_000) }),
  fc.record({ kind: fc.constant("reaction" as const), emoji: fc.constantFrom("👍", "__proto__"), on: fc.boolean(), at: fc.nat(5_000) }),
  fc.record({ kind: fc.constant("hide" as const), threadId: fc.constantFrom("co_zT", "co_zU"), at: fc.nat(5_000) }),
);

const feed = fc
  .array(fc.tuple(fc.constantFrom(...ACCOUNTS), fc.nat(1), event), { maxLength: 20 })
  .map((entries) => [created, ...entries.map(([account, device, value], index) => at(account, index + 1, value, device))]);

describe("the fold of a message", () => {
  it("[JAZZ-CONV-05] is the same for any order, grouping and repetition", () => {
    const shuffled = feed.chain((events) =>
      fc.tuple(fc.constant(events), fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 })),
    );
    fc.assert(
      fc.property(shuffled, ([events, mixed]) => {
        expect(foldMessage("co_zM", mixed)).toEqual(foldMessage("co_zM", events));
      }),
      { numRuns: 1_000 },
    );
  });

  it("[JAZZ-CONV-02] keeps concurrent edits whole, ordered by account", () => {
    const edit = (account: string, content: string): Placed<MessageEvent> =>
      at(account, 1, { kind: "edit", version: `${account}/1`, parents: ["0"], content, at: 2 });
    expect(foldMessage("co_zM", [created, edit("co_zC", "Edited by client2"), edit("co_zB", "Edited by client1")])?.content).toBe(
      "Edited by client1\nEdited by client2",
    );
  });

  it("[JAZZ-CONV-04] lets an edit replace what it has seen", () => {
    const first = at<MessageEvent>("co_zB", 0, { kind: "edit", version: "co_zB/1", parents: ["0"], content: "second", at: 2 });
    expect(liveVersions([created, first])).toEqual(["co_zB/1"]);
    const then = at<MessageEvent>("co_zA", 1, { kind: "edit", version: "co_zA/1", parents: ["co_zB/1"], content: "third", at: 3 });
    expect(foldMessage("co_zM", [created, first, then])?.content).toBe("third");
  });

  it("shows the greatest of edits that replace each other in a circle", () => {
    const edit = (account: string, parent: string): Placed<MessageEvent> =>
      at(account, 1, { kind: "edit", version: `${account}/1`, parents: [parent], content: account, at: 2 });
    expect(foldMessage("co_zM", [created, edit("co_zB", "co_zC/1"), edit("co_zC", "co_zB/1")])?.content).toBe("co_zC");
  });

  it("[JAZZ-AUTH-01] believes nobody who writes in another's name", () => {
    expect(foldMessage("co_zM", [at<MessageEvent>("co_zB", 0, created.value)])).toBeUndefined();
    const forged = at<MessageEvent>("co_zB", 1, { kind: "edit", version: "co_zA/1", parents: ["0"], content: "forged", at: 2 });
    expect(foldMessage("co_zM", [created, forged])?.content).toBe("Original content");
  });

  it("[JAZZ-CONV-07] has no updatedAt before an edit, and the greatest after", () => {
    expect(foldMessage("co_zM", [created])).not.toHaveProperty("updatedAt");
    const gone = at<MessageEvent>("co_zB", 1, { kind: "delete", at: 9 });
    expect(foldMessage("co_zM", [created, gone])).toMatchObject({ updatedAt: 9, softDeleted: true, content: "" });
  });
});

describe("the fold of a timeline", () => {
  it("[JAZZ-ORD-02] orders by madeAt, account and id, and lists an id once", () => {
    const items = [
      at("co_zB", 0, { value: "co_z2", madeAt: 5 }),
      at("co_zA", 0, { value: "co_z3", madeAt: 5 }),
      at("co_zA", 1, { value: "co_z1", madeAt: 4 }),
      at("co_zB", 1, { value: "co_z1", madeAt: 9 }),
    ];
    expect(foldTimeline(items)).toEqual(["co_z1", "co_z3", "co_z2"]);
    expect(foldTimeline(items.toReversed())).toEqual(foldTimeline(items));
  });
});
