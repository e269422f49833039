import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

test("a bad value is named with its variable", () => {
  const variable = (env: Record<string, string>): unknown => {
    const config = readConfig({ RECIPE: "none", ...env });
    return "problem" in config ? config.variable : undefined;
  };
  expect(variable({})).toBeUndefined();
  expect(variable({ PORT: "x" })).toBe("PORT");
  expect(variable({ TIME_SCALE: "21" })).toBe("TIME_SCALE");
  expect(variable({ RECIPE: "magic" })).toBe("RECIPE");
  expect(variable({ RECIPE: "serviceJwt" })).toBe("DIRECTORY_URL");
  expect(variable({ BASE_PATH: "api" })).toBe("BASE_PATH");
  expect(variable({ MUTANT_RATE: "0" })).toBe("MUTANT_RATE");
});

test("at every scale a room dies between 60 s and 70 s", () => {
  for (const scale of [1, 7, 20]) {
    const config = readConfig({ RECIPE: "none", TIME_SCALE: String(scale) });
    if ("problem" in config) throw new Error(config.problem);
    expect(config.timing.roomLifeMs * scale).toBeGreaterThan(60_000);
    expect((config.timing.roomLifeMs + config.timing.sweepMs) * scale).toBeLessThan(70_000);
  }
});
