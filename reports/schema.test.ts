import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { samples } from "./samples.ts";
import { resultJsonSchema, resultSchema } from "./schema.ts";

const published = readFileSync(new URL("../schemas/result.schema.json", import.meta.url), "utf8");

describe("the schema of result.json", () => {
  it("is the published file: run `node scripts/schemas.ts` when this fails", () => {
    expect(published).toBe(resultJsonSchema());
  });

  it.each(Object.entries(samples))("takes the sample %s, by JSON Schema and by zod, unchanged", (_name, sample) => {
    const document: unknown = JSON.parse(JSON.stringify(sample));
    const validate = new Ajv({ strict: true }).compile(JSON.parse(published) as object);
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
    expect(resultSchema.parse(document)).toEqual(document);
  });

  it("refuses an unknown verdict, an unknown reason and a missing field", () => {
    const validate = new Ajv({ strict: true }).compile(JSON.parse(published) as object);
    for (const change of [
      { verdict: "perhaps" },
      { harness: undefined },
      { requirements: [{ ...samples["failing"]?.requirements[0], reasons: ["tired"] }] },
    ]) {
      const document: unknown = JSON.parse(JSON.stringify({ ...samples["failing"], ...change }));
      expect(validate(document)).toBe(false);
      expect(resultSchema.safeParse(document).success).toBe(false);
    }
  });

  it("drops a field it does not know", () => {
    expect(resultSchema.parse({ ...samples["minimal"], later: 1 })).toEqual(samples["minimal"]);
  });
});
