import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { PROPERTIES, type Property } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { exactHistogram } from "./oracles/exact-histogram.ts";
import { createCheckers, createKept, type CheckerOptions } from "./index.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/histories");

interface Head {
  readonly title: string;
  readonly expect?: { readonly reason: string };
  /** Checker options; `bad` lists `[client, op]` that must be refused, `finishMs` is the end of the run. */
  readonly options?: Partial<CheckerOptions> & {
    readonly bad?: readonly (readonly [number, number])[];
    readonly finishMs?: number;
    readonly recalls?: boolean;
  };
}

/** Clients that come when all is over, in histories of what is kept. */
const LATECOMERS_FROM = 100;

function outcomeOf(property: Property, head: Head, observations: readonly Observation[]) {
  const { bad = [], finishMs, recalls, ...options } = head.options ?? {};
  const refuses = (client: number, op: number): boolean => bad.some(([one, act]) => one === client && act === op);
  const kept = { run: "run", latecomersFrom: LATECOMERS_FROM, recalls: recalls ?? false };
  const [checker] =
    property === "kept"
      ? [createKept(kept)]
      : createCheckers({
          orderModel: "total",
          echo: true,
          run: "run",
          histogram: exactHistogram,
          only: [property],
          refusals: { refuses },
          ...options,
        });
  if (checker === undefined) throw new Error(`no checker for ${property}`);
  for (const observation of observations) checker.observe(observation);
  return checker.finish(finishMs ?? (observations.at(-1)?.atMs ?? 0) + 10_000);
}

for (const property of PROPERTIES) {
  for (const side of ["valid", "invalid"] as const) {
    const folder = join(FOLDER, side, property);
    const names = readdirSync(folder);
    describe(`${side} histories of ${property}`, () => {
      test("are ten at least", () => expect(names.length).toBeGreaterThanOrEqual(10));
      test.each(names)("%s", (name) => {
        const [first = "{}", ...rest] = readFileSync(join(folder, name), "utf8").trimEnd().split("\n");
        const head = JSON.parse(first) as Head;
        const outcome = outcomeOf(
          property,
          head,
          rest.map((line) => JSON.parse(line) as Observation),
        );
        expect(Object.keys(outcome.broken), head.title).toEqual(head.expect === undefined ? [] : [head.expect.reason]);
        expect(outcome.inconclusiveBecause).toBeUndefined();
        if (head.expect !== undefined) {
          expect(outcome.judged).toBeGreaterThan(0);
          for (const finding of outcome.findings) expect(finding.witness.some((step) => step.isBad)).toBe(true);
        }
      });
      if (side === "valid") {
        test("judge something, most of them", () => {
          const idle = names.filter((name) => {
            const [first = "{}", ...rest] = readFileSync(join(folder, name), "utf8").trimEnd().split("\n");
            return (
              outcomeOf(
                property,
                JSON.parse(first) as Head,
                rest.map((line) => JSON.parse(line) as Observation),
              ).judged === 0
            );
          });
          expect(idle.length).toBeLessThanOrEqual(2);
        });
      }
    });
  }
}
