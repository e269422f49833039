import { describe, expect, it } from "vitest";
import { renderJUnit } from "./junit.ts";
import { failingResult, hostileResult, passingResult, samples } from "./samples.ts";

/** Names of all elements; throws on what is not well-formed. Knows the XML that JUnit files use: no DTD, CDATA or comments. */
function elementsOf(xml: string): readonly string[] {
  const names: string[] = [];
  const open: string[] = [];
  const token = /<\?xml [^?<>]*\?>|<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  while (token.lastIndex < xml.length) {
    const at = token.lastIndex;
    const match = token.exec(xml);
    if (match === null) throw new Error(`not well-formed at ${at}: ${xml.slice(at, at + 60)}`);
    const [, close, name, attributes = "", empty, text = ""] = match;
    if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(attributes + text)) throw new Error(`bare ampersand: ${attributes}${text}`);
    if (name === undefined) continue;
    if (close === "/") {
      if (open.pop() !== name) throw new Error(`unexpected end of ${name}`);
    } else {
      names.push(name);
      if (empty !== "/") open.push(name);
    }
  }
  if (open.length > 0) throw new Error(`never ended: ${open.join(", ")}`);
  return names;
}

const INVALID_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

describe("renderJUnit", () => {
  it.each(Object.entries(samples))("is well-formed XML of valid characters: %s", (_name, sample) => {
    const xml = renderJUnit(sample);
    expect(elementsOf(xml)[0]).toBe("testsuites");
    expect(xml).not.toMatch(INVALID_XML);
  });

  it("tells how long the cases of a requirement took", () => {
    const [name] = passingResult.requirements[0]?.cases ?? [];
    const xml = renderJUnit({ ...passingResult, cases: [{ name: name ?? "", end: "ran", durationMs: 1_234 }] });
    expect(xml).toContain('time="1.234"');
  });

  it("has one test case a requirement and counts that add up", () => {
    const xml = renderJUnit(failingResult);
    expect(elementsOf(xml).filter((name) => name === "testcase")).toHaveLength(failingResult.requirements.length);
    expect(xml).toContain('<testsuites name="rollcall" tests="36" failures="2" errors="1" skipped="5" time="38.906">');
    expect(elementsOf(xml).filter((name) => name === "failure")).toHaveLength(2);
  });

  it("carries expected, seen, messages and the command of a failure", () => {
    const xml = renderJUnit(failingResult);
    expect(xml).toContain('<failure type="lost" message="997 of 1,000 deliveries; client 9 missed 3 updates">');
    expect(xml).toContain("✗ +2,002.1 ms  server -&gt; client 9  nothing within 2 s");
    expect(xml).toContain("again: rollcall check staging.yaml --seed harbour-17 --only PLAY-CONV-04");
  });

  it("passes a warning, unless warnings are what failed the run", () => {
    const requirements = failingResult.requirements.filter((each) => each.verdict === "warning" || each.verdict === "pass");
    const warned = { ...failingResult, verdict: "warning", exitCode: 0, requirements } as const;
    expect(renderJUnit(warned)).toContain('failures="0"');
    expect(renderJUnit({ ...warned, exitCode: 1 })).toContain('<failure type="warning"');
  });

  it("makes an unjudged MUST an error, unless the run forgave it", () => {
    const requirements = failingResult.requirements.filter((each) => each.verdict === "inconclusive");
    expect(renderJUnit({ ...passingResult, exitCode: 4, requirements })).toContain('<error type="inconclusive"');
    expect(renderJUnit({ ...passingResult, exitCode: 0, requirements })).toContain('<skipped message="inconclusive:');
  });

  it("lets no markup of the target's through", () => {
    expect(renderJUnit(hostileResult)).not.toContain("<img");
  });
});
