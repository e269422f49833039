import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { renderCtrf } from "./ctrf.ts";
import { failingLoadResult, samples } from "./samples.ts";

const integer = { type: "integer" };
const text = { type: "string" };
const status = { enum: ["passed", "failed", "skipped", "pending", "other"] };
const closed = (required: readonly string[], properties: object): object => ({
  type: "object",
  required,
  properties,
  additionalProperties: false,
});

/** The parts of the CTRF 1.0.0 specification that we write; as there, nothing else is allowed. */
const CTRF = closed(["results", "reportFormat", "specVersion"], {
  reportFormat: { const: "CTRF" },
  specVersion: { type: "string", pattern: "^[0-9]+\\.[0-9]+\\.[0-9]+$" },
  timestamp: { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$" },
  generatedBy: text,
  results: closed(["tool", "summary", "tests"], {
    tool: closed(["name"], { name: { type: "string", minLength: 1 }, version: text }),
    summary: closed(["tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"], {
      tests: integer,
      passed: integer,
      failed: integer,
      skipped: integer,
      pending: integer,
      other: integer,
      suites: integer,
      start: integer,
      stop: integer,
      duration: integer,
    }),
    tests: {
      type: "array",
      items: closed(["name", "status", "duration"], {
        name: { type: "string", minLength: 1 },
        status,
        duration: integer,
        suite: { type: "array", minItems: 1, items: text },
        rawStatus: text,
        message: text,
        trace: text,
        tags: { type: "array", items: text },
        extra: { type: "object" },
      }),
    },
    environment: closed([], { appName: text, testEnvironment: text, extra: { type: "object" } }),
    extra: { type: "object" },
  }),
});

describe("renderCtrf", () => {
  it.each(Object.entries(samples))("is a CTRF document whose counts add up: %s", (_name, sample) => {
    const document = JSON.parse(renderCtrf(sample)) as {
      results: { summary: Record<string, number>; tests: readonly { status: string }[] };
    };
    const validate = new Ajv({ allowUnionTypes: true }).compile(CTRF);
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
    const { summary, tests } = document.results;
    expect(summary["tests"]).toBe(tests.length);
    for (const each of ["passed", "failed", "skipped", "pending", "other"])
      expect(summary[each]).toBe(tests.filter((test) => test.status === each).length);
  });

  it("carries the witness of a failure, and objectives as tests", () => {
    const document = renderCtrf(failingLoadResult);
    expect(document).toContain("nothing within 2 s   <-- here");
    expect(document).toContain('"name": "objective reach"');
  });
});
