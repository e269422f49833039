/** Writes the JSON Schemas of the package: `node scripts/schemas.ts`. With `--check` it only says whether they are current. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resultJsonSchema } from "../reports/schema.ts";
import { faultsJsonSchema } from "../src/faults/schema.ts";
import { targetJsonSchema } from "../src/targets/index.ts";

const folder = new URL("../schemas/", import.meta.url);
const schemas: Readonly<Record<string, () => string>> = {
  "result.schema.json": resultJsonSchema,
  "target.schema.json": targetJsonSchema,
  "faults.schema.json": faultsJsonSchema,
};

mkdirSync(folder, { recursive: true });
for (const [name, make] of Object.entries(schemas)) {
  const file = new URL(name, folder);
  const text = make();
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
  } else if (readOr(file, "") !== text) {
    console.error(`schemas/${name} is out of date: run \`node scripts/schemas.ts\``);
    process.exitCode = 1;
  }
}

function readOr(file: URL, otherwise: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return otherwise;
  }
}
