import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { renderHtml } from "./html.ts";
import { thin } from "./html/load.ts";
import { dataBlock, markup, prose } from "./html/markup.ts";
import { sequence } from "./html/sequence.ts";
import { failingResult, HOSTILE_TEXT, hostileResult, loadResult, passingResult, samples } from "./samples.ts";

const scriptsOf = (page: string): readonly string[] =>
  Array.from(page.matchAll(/<script>([\s\S]*?)<\/script>/g), (match) => match[1] ?? "");

/** The page without its scripts and its style sheet. */
const ownMarkup = (page: string): string => page.replace(/<script>[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>/g, "");

describe("renderHtml", () => {
  it.each(Object.entries(samples))("names every inline script and style in its policy and asks for nothing else: %s", (_name, sample) => {
    const page = renderHtml(sample);
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.replaceAll("&#39;", "'") ?? "";
    expect(policy).toMatch(
      /^default-src 'none'; script-src ('sha256-[\w+/=]+' ?)+; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'$/,
    );
    for (const script of scriptsOf(page)) expect(policy).toContain(createHash("sha256").update(script).digest("base64"));
    expect(ownMarkup(page)).not.toMatch(/<[^>]+ (src|href|action|style|on\w+)="(?!#)/);
  });

  it("is the same page for the same result", () => {
    expect(renderHtml(failingResult)).toBe(renderHtml(failingResult));
  });

  it("shows of a failure the text, the source, expected, seen, the messages, the frames and the command", () => {
    const page = renderHtml(failingResult);
    for (const part of [
      "roomy-backend README › How It Works?",
      "9 of 10 received it; client 9 received updates before and after it, but not this one",
      "nothing within 2 s",
      "did:plc:k4zj2v6mxqyt",
      "rollcall check staging.yaml --seed harbour-17 --only PLAY-CONV-04",
    ]) {
      expect(page).toContain(part);
    }
  });

  it("carries the chart library only when there is something to draw", () => {
    expect(scriptsOf(renderHtml(passingResult))).toHaveLength(1);
    expect(scriptsOf(renderHtml(loadResult))).toHaveLength(2);
    expect(renderHtml(loadResult).includes("sourceMappingURL")).toBe(false);
  });

  it("lets no markup or unsafe character of the target's through", () => {
    const page = renderHtml(hostileResult);
    expect(page.includes("<img")).toBe(false);
    expect(ownMarkup(page)).not.toMatch(/(?![\t\n])[\p{Cc}\p{Bidi_Control}\p{Noncharacter_Code_Point}\p{Surrogate}]/u);
    expect(page.match(/<\/script/g)).toHaveLength(3);
  });
});

describe("markup", () => {
  it("escapes what is put in and keeps what is markup", () => {
    expect(markup`<p title="${'"'}">${"<b>"}${markup`<i>${1}</i>`}${undefined}${["a", markup`<br>`]}</p>`.text).toBe(
      '<p title="&quot;">&lt;b&gt;<i>1</i>a<br></p>',
    );
  });

  it("makes words between backticks code, and leaves a lone backtick alone", () => {
    expect(prose("send `A<B` now").text).toBe("send <code>A&lt;B</code> now");
    expect(prose("a ` b").text).toBe("a ` b");
  });

  it("lets no data block end early", () => {
    const block = dataBlock("data", { text: HOSTILE_TEXT }).text;
    expect(block.match(/<\/script/g)).toHaveLength(1);
    expect(JSON.parse(/>(.*)<\/script>$/s.exec(block)?.[1] ?? "")).toEqual({ text: HOSTILE_TEXT });
  });
});

describe("sequence", () => {
  it("draws nothing without steps", () => {
    expect(sequence([])).toBeUndefined();
  });

  it("keeps the last steps of a long witness and bundles many clients", () => {
    const steps = Array.from({ length: 100 }, (_, index) => ({
      atMs: index,
      from: `client ${index % 20}`,
      to: "server",
      label: `step ${index}`,
    }));
    const picture = sequence(steps)?.text ?? "";
    expect(picture).toContain("60 earlier messages are in result.json.");
    expect(picture).toContain("step 99");
    expect(picture).not.toContain(">step 59<");
    expect(picture.match(/class="actor/g)).toHaveLength(8);
    expect(picture).toContain(">others<");
  });
});

describe("thin", () => {
  it("keeps the worst second of each stretch, so that a stall never disappears", () => {
    const series = Array.from({ length: 86_400 }, (_, t) => ({
      t,
      clients: 5,
      sent: 10,
      delivered: 40,
      deliveryMsP50: 1,
      deliveryMsP99: t === 70_001 ? 900 : 4,
      loopLagMs: 1,
    }));
    const points = thin(series);
    expect(points.length).toBeLessThanOrEqual(600);
    expect(Math.max(...points.map((point) => point.deliveryMsP99))).toBe(900);
    expect(points.every((point) => point.sent === 10 && point.clients === 5)).toBe(true);
  });
});
