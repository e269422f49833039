import { describe, expect, it } from "vitest";
import { failingLoadResult, failingResult, hostileResult, minimalResult, samples } from "./samples.ts";
import { renderTerminal } from "./terminal.ts";

describe("renderTerminal", () => {
  it("says verdict, counts, what is broken and how to run it again", () => {
    const text = renderTerminal(failingResult);
    expect(text).toMatch(/^✗ Failed {2}2 of 31 judged requirements broken\./);
    expect(text).toContain("judged 31 of 36: 27 passed, 2 failed, 1 warned, 1 known, 1 inconclusive, 2 reported, 2 skipped");
    expect(text).toContain("PLAY-CONV-04  MUST · convergence · fail  lost");
    expect(text).toContain("again     rollcall check staging.yaml --seed harbour-17 --only PLAY-CONV-04");
    expect(text).toContain("skipped: needs secondUrl, which the target does not declare");
  });

  it("draws the witness with the breaking step marked", () => {
    expect(renderTerminal(failingResult)).toMatch(/✗ \+2,002\.1 ms +server ──▶ client 9 +nothing within 2 s/);
  });

  it("shows the figures of a load run", () => {
    const text = renderTerminal(failingLoadResult);
    expect(text).toContain("589,134 of 589,140 delivered, reach 99.999%");
    expect(text).toMatch(/delivery +2\.1 ms +9\.1 ms +17\.7 ms +33\.3 ms +52\.4 ms/);
  });

  it("says when a run was interrupted", () => {
    expect(renderTerminal(minimalResult)).toContain("(interrupted, partial)");
  });

  it.each(Object.entries(samples))("is plain text unless colour is asked for: %s", (_name, sample) => {
    expect(renderTerminal(sample)).not.toContain("\u001b");
    expect(renderTerminal(sample, { colour: true })).toContain("\u001b[");
  });

  it("passes no escape of the target's on, coloured or not", () => {
    expect(renderTerminal(hostileResult)).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
    expect(renderTerminal(hostileResult, { colour: true }).replaceAll(/\p{Cc}\[\d\d?m/gu, "")).not.toMatch(
      /(?!\n)[\p{Cc}\p{Bidi_Control}]/u,
    );
  });

  it("keeps to the columns given, but for commands and single long words", () => {
    const lines = renderTerminal(failingResult, { columns: 80 })
      .split("\n")
      .filter((line) => !/seed|skipped:|judged|known|^ {2}note/.test(line));
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });
});
