/** The HTML report in a real browser, opened from a file as a user does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderHtml } from "../reports/html.ts";
import { renderJUnit } from "../reports/junit.ts";
import { samples } from "../reports/samples.ts";
import { CHROMIUM_ARGUMENTS, findChromium } from "./chromium.ts";

const executablePath = findChromium();
const START_MS_MAX = 30_000;

interface Opened {
  readonly page: Page;
  /** Every error of the page, its policy and its console. */
  readonly errors: readonly string[];
  /** Every request but the one for the file itself. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

describe.skipIf(executablePath === undefined)(
  `the HTML report in a browser${executablePath === undefined ? " (skipped: no Chromium; install it or name it in CHROMIUM_BIN)" : ""}`,
  () => {
    let browser: Browser;
    let folder: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "rollcall-browser-"));
      for (const [name, sample] of Object.entries(samples)) writeFileSync(join(folder, `${name}.html`), renderHtml(sample));
      browser = await chromium.launch({ ...(executablePath === undefined ? {} : { executablePath }), args: [...CHROMIUM_ARGUMENTS] });
    }, START_MS_MAX);

    afterAll(async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    });

    async function open(
      name: string,
      options: { width?: number; height?: number; colorScheme?: "light" | "dark"; hash?: string; javaScriptEnabled?: boolean } = {},
    ): Promise<Opened> {
      const { width = 1_280, height = 900, hash = "", ...rest } = options;
      const context = await browser.newContext({ viewport: { width, height }, ...rest });
      const page = await context.newPage();
      const errors: string[] = [];
      const requests: string[] = [];
      const url = pathToFileURL(join(folder, `${name}.html`)).href;
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
      });
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("request", (request) => {
        if (request.url() !== `${url}${hash}` && request.url() !== url) requests.push(request.url());
      });
      await page.goto(`${url}${hash}`);
      return { page, errors, requests, close: () => context.close() };
    }

    it.each(Object.keys(samples))("opens %s without an error and without a request", async (name) => {
      const { page, errors, requests, close } = await open(name);
      await page.waitForLoadState("networkidle");
      expect(errors).toEqual([]);
      expect(requests).toEqual([]);
      expect(await page.title()).toMatch(/^(Passed|Failed|Nothing judged): /);
      await close();
    });

    it("draws every chart", async () => {
      const { page, close } = await open("load");
      await page.waitForSelector("html[data-drawn=true]");
      expect(await page.locator("canvas").count()).toBe(5);
      const blank: string[] = [];
      for (const id of ["delivery", "percentiles", "rate", "clients", "lag"]) {
        if ((await drawnShare(page, `#chart-${id}`)) < 0.005) blank.push(id);
      }
      expect(blank).toEqual([]);
      await close();
    });

    it("draws latency against load, with its marks", async () => {
      const { page, errors, close } = await open("capacity");
      await page.waitForSelector("html[data-drawn=true]");
      expect(await drawnShare(page, "#chart-capacity")).toBeGreaterThan(0.005);
      expect(errors).toEqual([]);
      await close();
    });

    it("filters by words, verdict, category and level, and says how many are shown", async () => {
      const { page, close } = await open("failing");
      const shown = (): Promise<number> => page.locator("details.row:visible").count();
      expect(await shown()).toBe(36);
      expect(await page.locator("#shown").textContent()).toBe("36 in all");
      await page.getByRole("button", { name: "failed" }).click();
      expect(await shown()).toBe(2);
      expect(await page.locator("#shown").textContent()).toBe("2 of 36 shown");
      await page.getByRole("button", { name: "warning" }).click();
      expect(await shown()).toBe(3);
      await page.getByRole("button", { name: "failed" }).click();
      await page.getByRole("button", { name: "warning" }).click();
      await page.getByLabel("Category").selectOption("heartbeat");
      expect(await shown()).toBe(8);
      await page.getByLabel("Level").selectOption("SHOULD");
      expect(await shown()).toBe(3);
      await page.getByLabel("Filter by id or words").fill("HB-07 final");
      expect(await shown()).toBe(1);
      await page.getByLabel("Filter by id or words").fill("nothing has this");
      expect(await page.locator("#none").isVisible()).toBe(true);
      await close();
    });

    it("opens failures by itself and the rest at a click, with diagram, frames and command", async () => {
      const { page, close } = await open("failing");
      const row = page.locator("#PLAY-CONV-04");
      expect(await row.getAttribute("open")).not.toBeNull();
      expect(await row.locator("svg .step.bad").count()).toBe(1);
      await row.getByText("Raw frames (3)").click();
      expect(await row.locator("pre").first().isVisible()).toBe(true);
      expect(await row.locator(".command code").textContent()).toBe("rollcall check staging.yaml --seed harbour-17 --only PLAY-CONV-04");
      const passed = page.locator("#PLAY-SESS-01");
      expect(await passed.locator(".body").isVisible()).toBe(false);
      await passed.locator("summary").click();
      expect(await passed.locator(".body").isVisible()).toBe(true);
      await close();
    });

    it("opens the row that a link names, also past a filter", async () => {
      const { page, close } = await open("failing", { hash: "#PLAY-ISO-01" });
      expect(await page.locator("#PLAY-ISO-01 .body").isVisible()).toBe(true);
      await page.getByRole("button", { name: "failed" }).click();
      await page.locator('.roll a[href="#PLAY-HB-06"]').click();
      await page.locator("#PLAY-HB-06 .body").waitFor({ state: "visible" });
      await close();
    });

    it.each(["failing", "failingLoad", "hostile", "minimal"])("fits a phone without scrolling sideways: %s", async (name) => {
      const { page, close } = await open(name, { width: 360, height: 740 });
      expect(await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
      await page.locator("details").evaluateAll((all) => {
        for (const each of all) each.setAttribute("open", "");
      });
      expect(await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
      await close();
    });

    it("follows the system to dark and back, charts included", async () => {
      const { page, errors, close } = await open("load", { colorScheme: "dark" });
      const background = (): Promise<string> => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      const lightness = async (): Promise<number> => Math.max(...((await background()).match(/\d+/g) ?? []).map(Number));
      expect(await lightness()).toBeLessThan(60);
      const dark = await pixelsOf(page, "#chart-delivery");
      await page.emulateMedia({ colorScheme: "light" });
      expect(await lightness()).toBeGreaterThan(200);
      await expect.poll(() => pixelsOf(page, "#chart-delivery"), { timeout: 5_000 }).not.toBe(dark);
      expect(errors).toEqual([]);
      await close();
    });

    it("reads well without scripts", async () => {
      const { page, close } = await open("failing", { javaScriptEnabled: false });
      expect(await page.locator("details.row:visible").count()).toBe(36);
      expect(await page.locator("#filters").isVisible()).toBe(false);
      expect(await page.locator("button:visible").count()).toBe(0);
      await close();
    });

    it("runs nothing that a target put into the result", async () => {
      const { page, close } = await open("hostile");
      expect(await page.title()).not.toBe("owned");
      expect(await page.locator("img").count()).toBe(0);
      expect(await page.locator("a[href^='javascript:']").count()).toBe(0);
      await close();
    });

    it("finds the JUnit files well-formed by its own parser", async () => {
      const { page, close } = await open("minimal");
      for (const [name, sample] of Object.entries(samples)) {
        const root = await page.evaluate<string>(
          `new DOMParser().parseFromString(${JSON.stringify(renderJUnit(sample))}, "application/xml").documentElement.nodeName`,
        );
        expect(`${name}: ${root}`).toBe(`${name}: testsuites`);
      }
      await close();
    });
  },
);

/** Share of a canvas's pixels that are not transparent. */
function drawnShare(page: Page, selector: string): Promise<number> {
  return page.evaluate<number>(`(() => {
    const canvas = document.querySelector(${JSON.stringify(selector)});
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let drawn = 0;
    for (let index = 3; index < data.length; index += 4) if (data[index] > 0) drawn += 1;
    return drawn / (data.length / 4);
  })()`);
}

function pixelsOf(page: Page, selector: string): Promise<string> {
  return page.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).toDataURL()`);
}
