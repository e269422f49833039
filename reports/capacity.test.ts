import { describe, expect, it } from "vitest";
import { renderCtrf } from "./ctrf.ts";
import { renderHtml } from "./html.ts";
import { capacityChart } from "./html/capacity.ts";
import { renderJUnit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import { samples } from "./samples.ts";
import { renderTerminal } from "./terminal.ts";
import type { Result } from "../src/core/result.ts";

function sample(name: string): Result {
  const result = samples[name];
  if (result === undefined) throw new Error(`no sample ${name}`);
  return result;
}

const found = sample("capacity");
const none = sample("nothingHolds");

describe("a capacity search in the reports", () => {
  it("ends in the terminal with what holds, whose limit was met, every level, the knee, and the level's own command", () => {
    const text = renderTerminal(found);
    expect(text).toMatch(/^✓ Passed {2}Holds 38\.1 writes a second and client/);
    expect(text).toContain("The server's limit was met at 39.8 writes a second and client: delivery p99 812.4 ms, wanted ≤ 500 ms.");
    expect(text).toContain("inconclusive: event-loop lag p99 61 ms is over 50 ms");
    expect(text).toContain("knee of latency at 16 writes a second and client");
    expect(text).toMatch(/this level again npx rollcall load .* --rate 38\.1 --duration 30s/);
    expect(text).toMatch(/again npx rollcall capacity /);
  });

  it("says when not even the lowest level held", () => {
    expect(renderTerminal(none)).toContain("Not even the lowest level held: 1 writes a second and client.");
  });

  it("is one JUnit case, that levels above the limit do not fail", () => {
    expect(renderJUnit(found)).toMatch(/name="watch-party holds at least 1 writes a second and client"[^>]*><system-out>Holds 38\.1/);
    expect(renderJUnit(found)).toContain('failures="0" errors="0"');
    expect(renderJUnit(none)).toMatch(/holds at least 1 [^>]*><failure type="capacity"/);
    expect(renderJUnit({ ...found, exitCode: 4, verdict: "inconclusive" })).toMatch(/holds at least 1 [^>]*><error type="inconclusive"/);
  });

  it("is one CTRF test with the answer beside it", () => {
    const { results } = JSON.parse(renderCtrf(found)) as { results: { tests: { name: string; status: string; extra?: unknown }[] } };
    expect(results.tests.find(({ name }) => name.includes("holds at least"))).toMatchObject({
      status: "passed",
      extra: { answer: 38.1, limit: "server", kneeAt: 16 },
    });
  });

  it("is a table of levels in Markdown", () => {
    const text = renderMarkdown(found);
    expect(text.match(/^\| (✅|❌|❔) \| [\d.]+ \|/gm)).toHaveLength(12);
    expect(text).toContain("Knee of latency at 16");
  });

  it("is a chart of the levels from low to high in HTML, each once", () => {
    if (found.capacity === undefined) throw new Error("the sample has no search");
    const chart = capacityChart(found.capacity);
    const ats = chart.levels.map(({ at }) => at);
    expect(ats).toEqual([...new Set(ats)].toSorted((left, right) => left - right));
    expect(chart).toMatchObject({ answerAt: 38.1, kneeAt: 16 });
    const page = renderHtml(found);
    expect(page).toContain('id="chart-capacity"');
    expect(page).toContain("Levels in the order they were tried");
    expect(renderHtml(sample("load"))).not.toContain('id="chart-capacity"');
  });
});
