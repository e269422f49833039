import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that start commands and servers, the longest first: begun last, one of them would keep a single core busy at the end. */
const LONG = ["bad-input", "recheck", "redaction", "toy-binding", "report-browser", "network-binding", "cli/main"];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONG.findIndex((name) => moduleId.endsWith(`${name}.test.ts`));
      return found < 0 ? LONG.length : found;
    };
    return (await super.sort(files)).toSorted((left, right) => place(left) - place(right));
  }
}

/**
 * Unit tests, beside what they test. Conformance cases are no part of this: the command line runs them through a
 * configuration of its own.
 */
export default defineConfig({
  test: {
    include: ["{src,conformance,scenarios,fixtures,reports,bench,scripts,test}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "dist/**", "conformance/runner/*.suite.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Some tests start servers of their own; more would only make them wait for each other on two cores.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
  },
});
