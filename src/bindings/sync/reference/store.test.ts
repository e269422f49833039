import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, expect, it } from "vitest";

const INSTANCES = 6;
const folder = mkdtempSync(join(tmpdir(), "rollcall-sync-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Opens the store at a time that all have agreed on, and writes. */
const INSTANCE = `
  const { openStore } = await import(process.argv[1]);
  while (Date.now() < Number(process.argv[3]));
  const store = openStore({ path: process.argv[2], singleUse: true, ownTokensOnly: false });
  for (let n = 0; n < 20; n += 1) store.append("at://all", Uint8Array.of(n));
  store.close();
  console.log("kept");`;

it("instances that start at once on one new file share it", async () => {
  const words = [join(import.meta.dirname, "store.ts"), join(folder, "sync.sqlite"), String(Date.now() + 2_000)];
  const said = await Promise.all(
    Array.from({ length: INSTANCES }, () => {
      const instance = spawn(process.execPath, ["--input-type=module", "--eval", INSTANCE, ...words]);
      return Promise.all([text(instance.stdout), text(instance.stderr)]);
    }),
  );
  for (const [out, error] of said) expect(out.trim(), error).toBe("kept");
});
