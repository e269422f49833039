import { defineConfig } from "vitest/config";

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
  },
});
