import { describe, it } from "vitest";
import { createPrng } from "../../core/prng.ts";
import { operations } from "./operations.ts";
import { requirements } from "./requirements.ts";
import { rooms } from "./rooms.ts";

describe("the catalogue", () => {
  it("holds 36 entries with ids of their own: 22 MUST, 13 SHOULD, 1 MAY", ({ expect }) => {
    expect(new Set(requirements.map((each) => each.id)).size).toBe(36);
    const counts = Object.groupBy(requirements, (each) => each.level);
    expect([counts.MUST?.length, counts.SHOULD?.length, counts.MAY?.length]).toEqual([22, 13, 1]);
    expect(requirements.filter((each) => each.reach === "wire").length).toBe(20);
    expect(requirements.filter((each) => each.reach === "wire+clock").length).toBe(13);
  });

  it("cites a section of its source in every entry, and ends every sentence", ({ expect }) => {
    for (const each of requirements) {
      expect(each.source, each.id).toMatch(/^roomy-backend README › /);
      expect(each.statement, each.id).toMatch(/\.$/);
      expect(each.check, each.id).toMatch(/\.$/);
    }
  });
});

describe("operations", () => {
  it("of the mix all make writes with a position; others are a mistake", ({ expect }) => {
    const prng = createPrng("ops");
    for (const name of Object.keys(operations.mix)) expect(operations.make(name, prng), name).toHaveProperty("currentTime");
    expect(() => operations.make("dance", prng)).toThrow(RangeError);
    expect(() => operations.make("toString", prng)).toThrow(RangeError);
  });
});

describe("rooms", () => {
  it("have a place for the creator beside those asked for, and no more than servers give", ({ expect }) => {
    const asked = (places: number): unknown => JSON.parse(rooms.request("x", places, createPrng("")).body ?? "");
    expect(asked(4)).toMatchObject({ name: "room x", maxParticipants: 5 });
    expect(asked(0)).toMatchObject({ maxParticipants: 2 });
    expect(() => asked(50)).toThrow(RangeError);
  });
});
