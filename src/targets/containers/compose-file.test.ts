import { expect, test } from "vitest";
import { composeVersion } from "./compose-file.ts";

test.each([
  ['version: "3.8"\nservices: {}', "3.8"],
  ["version: 3\nservices: {}", "3"],
  ["services: {}", undefined],
  ["- no mapping", undefined],
])("the version of %j is %s", (text, version) => {
  expect(composeVersion(text)).toBe(version);
});
