/** A picture of a report as a browser shows it: `node scripts/screenshot.ts <report.html> <out.png> [--dark] [--full] [--width 1200] [--height 900]`. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { CHROMIUM_ARGUMENTS, findChromium } from "../test/chromium.ts";
import { flagsOf } from "./flags.ts";

const USAGE = "node scripts/screenshot.ts <report.html> <out.png> [--dark] [--full] [--width 1200] [--height 900]";
const { positionals, values } = flagsOf(USAGE, {
  allowPositionals: true,
  options: {
    dark: { type: "boolean" },
    full: { type: "boolean" },
    width: { type: "string", default: "1200" },
    height: { type: "string", default: "900" },
  },
});
const [report, picture] = positionals;
const executablePath = findChromium();
if (report === undefined || picture === undefined) {
  console.error(`usage: ${USAGE}`);
  process.exitCode = 2;
} else if (executablePath === undefined) {
  console.error("no Chromium found: install it or name it in CHROMIUM_BIN");
  process.exitCode = 3;
} else {
  const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGUMENTS] });
  try {
    const page = await browser.newPage({
      viewport: { width: Number(values.width), height: Number(values.height) },
      deviceScaleFactor: 2,
      colorScheme: values.dark === true ? "dark" : "light",
    });
    await page.goto(pathToFileURL(resolve(report)).href);
    await page.screenshot({ path: picture, fullPage: values.full === true });
  } finally {
    await browser.close();
  }
}
