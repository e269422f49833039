import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HarnessError } from "../core/errors.ts";
import { bindingFolder, loadBinding } from "./registry.ts";
import { scenarioNamed } from "./scenario-named.ts";

/** `.ts` in a clone, `.js` in the published package. */
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";

export interface K6BundleOptions {
  readonly scenario: string;
  readonly binding: string;
  /** Path of the file that is written. */
  readonly file: string;
  /** In place of the protocol's first dialect, until `-e DIALECT` says otherwise. */
  readonly dialect?: string;
}

/**
 * Makes one file of a scenario, a binding and all that they need, npm packages among them, which stock k6 runs as it
 * is. A binding's `node/in-k6.ts`, where there is one, takes the place of what it names: what runs in k6 only with
 * packages at hand.
 * @throws HarnessError `usage` when the binding can not run in k6: the reason is its manifest's.
 */
export async function bundleForK6({ scenario, binding, file, dialect }: K6BundleOptions): Promise<void> {
  const { name } = scenarioNamed(scenario);
  const { manifest } = await loadBinding(binding);
  refuseWhereK6CanNot(manifest);
  const folder = await mkdtemp(join(tmpdir(), "rollcall-k6-"));
  try {
    const entry = join(folder, "entry.ts");
    await writeFile(entry, entryOf(name, bindingFolder(binding), dialect));
    // Loaded here: it is a large program that nothing else needs.
    const { rolldown } = await import("rolldown");
    const build = await rolldown({
      input: entry,
      platform: "neutral",
      // Cases are not for load; what they import is not for k6.
      external: [/^k6(?:\/|$)/, /\/cases\/index\.[tj]s$/],
      resolve: { mainFields: ["module", "main"], conditionNames: ["import", "default"] },
      logLevel: "silent",
    });
    await build.write({ file, format: "esm", codeSplitting: false });
    await build.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws HarnessError `usage` with the manifest's reason. */
export function refuseWhereK6CanNot({ name, engines }: { readonly name: string; readonly engines: { readonly k6: true | string } }): void {
  if (engines.k6 === true) return;
  throw new HarnessError("usage", `${name} does not run in k6: ${engines.k6}`, {
    hint: "use our own engine: rollcall load without --engine k6",
  });
}

function entryOf(scenario: string, folder: string, dialect: string | undefined): string {
  const here = (path: string): string => JSON.stringify(fileURLToPath(new URL(`${path}.${EXTENSION}`, import.meta.url)));
  const moduleIn = (name: string): string | undefined =>
    [EXTENSION, "ts", "js"].map((extension) => join(folder, `${name}.${extension}`)).find((path) => existsSync(path));
  const inK6 = moduleIn("node/in-k6");
  return [
    `import { binding as portable } from ${JSON.stringify(moduleIn("binding"))};`,
    inK6 === undefined ? "const inK6 = {};" : `import { inK6 } from ${JSON.stringify(inK6)};`,
    `import { k6Entry } from ${here("./k6-entry")};`,
    `import { scenario } from ${here(`../../scenarios/${scenario}`)};`,
    `const entry = k6Entry(scenario, { ...portable, ...inK6 }, ${JSON.stringify(dialect === undefined ? {} : { dialect })});`,
    "export const { options, setup, teardown, handleSummary } = entry;",
    "export default entry.run;",
    "",
  ].join("\n");
}
