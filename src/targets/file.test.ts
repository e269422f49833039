import { describe, expect, test } from "vitest";
import { HarnessError } from "../core/errors.ts";
import { parseTargetFile } from "./file.ts";
import { isLoopback } from "./network.ts";
import { targetJsonSchema } from "./schema.ts";

const MINIMAL = "binding: playback\nurl: http://127.0.0.1:3000\n";

function failure(text: string, env: Record<string, string> = {}): string {
  try {
    parseTargetFile(text, "my.yaml", env);
  } catch (error) {
    if (error instanceof HarnessError && error.code === "usage") return error.message;
    throw error;
  }
  return "parsed";
}

describe("a target file", () => {
  test("needs a binding and one way to reach a server, the rest has defaults", () => {
    const { name, data } = parseTargetFile(MINIMAL, "folder/my.yaml", {});
    expect(name).toBe("my");
    expect(data.credential.recipe).toBe("serviceJwt");
    expect(data.hooks).toEqual({ health: "/healthz" });
  });

  test("takes variables from the environment, with a default after :-", () => {
    const { data } = parseTargetFile("binding: playback\nurl: ${U}\nheaders: { a: 'x${T:-none}' }", "t.yaml", { U: "https://h" });
    expect([data.url, data.headers["a"]]).toEqual(["https://h", "xnone"]);
  });

  test.each([
    ["binding: [\n", "my.yaml:2:1:"],
    [
      "binding: playback\nurl: ${NOPE}\nheaders: { a: '${ALSO}' }",
      "my.yaml:2:6: the environment variable NOPE is not set\nmy.yaml:3:15: the environment variable ALSO is not set",
    ],
    [`${MINIMAL}knwon: []\n`, 'my.yaml:3:1: unknown key "knwon"'],
    [`${MINIMAL}limits:\n  silentMs: soon\n`, 'my.yaml:4:13: "limits.silentMs"'],
    [
      `${MINIMAL}known:\n  - { id: PLAY-ERR-01, reason: broken, rate: always, because: abc, until: 2027-01-01 }\n`,
      'my.yaml:4:32: "known.0.reason"',
    ],
    ["binding: playback\nimage: a/b:1\nurl: http://h\n", 'my.yaml:3:6: "url" is found by itself with "image"'],
    ["binding: playback\nimage: a/b:1\ncompose: { file: c.yaml, services: [a] }\n", "exclude each other"],
    ["binding: playback\ncompose: { file: c.yaml, services: [] }\n", '"compose.services"'],
    ["binding: playback\n", "says nothing to test"],
    ["url: http://h\n", '"binding" is missing'],
    ["binding: playback\nurl: ftp://h\n", "my.yaml:2:6:"],
    ["a: &a [1]\nb: [*a", "my.yaml:2:"],
    ["", "the file:"],
    ["- 1\n- 2\n", "the file:"],
    ["binding: playback\ncommand: x\nstart: { command: y }\n", "exclude each other"],
  ])("says where it is wrong: %j", (text, expected) => {
    expect(failure(text)).toContain(expected);
  });

  test("may name an image by its name alone", () => {
    const { data } = parseTargetFile("binding: playback\nimage: a/b:1\n", "t.yaml", {});
    expect(data.image).toMatchObject({ name: "a/b:1", port: 8080, restart: true });
  });

  test("has a JSON Schema that knows every key", () => {
    expect(Object.keys((JSON.parse(targetJsonSchema()) as { properties: object }).properties)).toContain("known");
  });
});

test.each([
  ["localhost", true],
  ["127.9.9.9", true],
  ["[::1]", true],
  ["127.0.0.1.example", false],
  ["10.0.0.1", false],
  ["example.com", false],
])("%s is loopback: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
