import { describe, expect, it } from "vitest";
import { renderMarkdown } from "./markdown.ts";
import { failingLoadResult, failingResult, hostileResult, passingResult } from "./samples.ts";

/** The most that a comment on a pull request may hold at GitHub. */
const COMMENT_CHARACTERS_MAX = 65_536;

/** What is read as Markdown: all but fenced blocks. */
const outsideFences = (markdown: string): string => markdown.replace(/^(`{3,})\w+\n[\s\S]*?\n\1$/gm, "");

describe("renderMarkdown", () => {
  it("is short when nothing is wrong", () => {
    const markdown = renderMarkdown(passingResult);
    expect(markdown.startsWith("### ✅ Rollcall check: passed\n\nAll 32 judged requirements met. Judged 32 of 36.")).toBe(true);
    expect(markdown.length).toBeLessThan(400);
  });

  it("lists what needs attention and hides witnesses behind a click", () => {
    const markdown = renderMarkdown(failingResult);
    expect(markdown).toContain("| ❌ | `PLAY-CONV-04` | MUST | `UPDATE_PLAYBACK` changes the room state");
    expect(markdown).toContain("<details><summary><code>PLAY-CONV-04</code> lost</summary>");
    expect(markdown).toContain("| 🔸 | `PLAY-ERR-01`");
  });

  it("shows the figures of a load run and the objectives it missed", () => {
    const markdown = renderMarkdown(failingLoadResult);
    expect(markdown).toContain("| delivery | 2.1 ms | 9.1 ms | 17.7 ms | 33.3 ms | 52.4 ms |");
    expect(markdown).toContain("- ❌ objective `reach`: wanted 1, got 0.99999");
  });

  it("lets no markup, mention, reference, heading or table cell of the target's through", () => {
    const read = outsideFences(renderMarkdown(hostileResult));
    expect(read).not.toMatch(/<img|<\/script|@everyone|(?<![\\&])#\d|^# big/m);
    for (const line of read.split("\n").filter((each) => each.startsWith("| ❌"))) expect(line.match(/(?<!\\)\|/g)).toHaveLength(6);
  });

  it("stays within what a comment may hold, however much is broken", () => {
    const requirements = Array.from({ length: 300 }, () => hostileResult.requirements[0] ?? passingResult.requirements[0]).filter(
      (each) => each !== undefined,
    );
    const long = "x<|".repeat(5_000);
    const markdown = renderMarkdown({
      ...hostileResult,
      notes: Array.from({ length: 500 }, () => long),
      requirements: requirements.map((each) => ({ ...each, observed: long, statement: long, source: long })),
    });
    expect(markdown.length).toBeLessThan(COMMENT_CHARACTERS_MAX);
  });
});
