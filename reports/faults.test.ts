import { describe, expect, test } from "vitest";
import { chartData } from "./html/load.ts";
import { renderHtml } from "./html.ts";
import { renderMarkdown } from "./markdown.ts";
import { faultsResult, loadResult } from "./samples.ts";
import { renderTerminal } from "./terminal.ts";

describe.each([
  ["terminal", renderTerminal],
  ["HTML", renderHtml],
  ["Markdown", renderMarkdown],
] as const)("the %s report of a run with faults", (_, render) => {
  const text = render(faultsResult).replace(/\\/g, "").replaceAll("&#35;", "#");

  test("names each fault, when it was detected, and when all had recovered", () => {
    for (const words of ["kill and start again", "the server", "1,210 ms", "latency 80 ms ± 60 ms", "not seen"])
      expect(text).toContain(words);
  });

  test("says what was lost, and the requirement that says so", () => {
    expect(text).toContain("2 lost of what was confirmed");
    expect(text).toContain("LEAF-ORD-05");
    expect(text).toContain("1 clients never came back");
  });

  test("says nothing of faults where there were none", () => {
    expect(render(loadResult)).not.toContain("was confirmed");
  });
});

test("every fault is a band of the charts, in seconds of the run", () => {
  const { load } = faultsResult;
  if (load === undefined) throw new Error("no load");
  expect(chartData(load).faults.map(({ from, to }) => [from, to])).toEqual([
    [3, 9],
    [5, 6.48],
    [8, 8.004],
  ]);
});
