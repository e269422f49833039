import { existsSync } from "node:fs";

const USUAL_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
] as const;

/** The browser named by `CHROMIUM_BIN`, or one at a usual place; undefined when there is none. */
export function findChromium(): string | undefined {
  const named = process.env["CHROMIUM_BIN"];
  return named !== undefined && named !== "" ? named : USUAL_PATHS.find((path) => existsSync(path));
}

/** A browser that does nothing by itself: no first-run page, no updates, no background traffic. */
export const CHROMIUM_ARGUMENTS: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
