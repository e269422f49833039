import { describe, expect, it } from "vitest";
import { createPrng } from "../../../core/prng.ts";
import { spreadOfIds } from "./spread.ts";

describe("the spread of ids", () => {
  it("counts the random digits of random UUIDs", () => {
    const prng = createPrng("ids");
    const ids = Array.from({ length: 1_000 }, () =>
      "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => prng.below(16).toString(16)),
    );
    expect(spreadOfIds(ids)).toEqual({ bits: 120, isAscending: false });
  });

  it("knows a counter", () => {
    expect(spreadOfIds(Array.from({ length: 1_000 }, (_, index) => String(index))).isAscending).toBe(true);
    expect(spreadOfIds(Array.from({ length: 1_000 }, (_, index) => `room-${10_000 + index}`)).bits).toBeLessThan(64);
  });

  it("has nothing to say without ids", () => {
    expect(spreadOfIds([])).toEqual({ bits: 0, isAscending: false });
  });
});
