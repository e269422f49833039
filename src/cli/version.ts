import { existsSync, readFileSync } from "node:fs";

/** `package.json` lies two folders up in a clone, three in the published package. */
function readVersion(): string {
  for (const up of ["../../", "../../../"]) {
    const path = new URL(`${up}package.json`, import.meta.url);
    if (!existsSync(path)) continue;
    const { version } = JSON.parse(readFileSync(path, "utf8")) as { readonly version?: unknown };
    if (typeof version === "string") return version;
  }
  return "0.0.0";
}

/** The package's version. */
export const version: string = readVersion();
