import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test, vi } from "vitest";

/** A harness in small: starts a server that would run for a minute, tells its process id, and waits. */
const HARNESS = `
import { startChild } from ${JSON.stringify(new URL("child.ts", import.meta.url).href)};
const child = startChild({ run: [process.execPath, "-e", "setTimeout(() => {}, 60000)"], env: process.env });
process.stdout.write(child.pid + "\\n");
setTimeout(() => {}, 60000);
`;

/** A process that has ended may stay listed as a zombie until somebody asks for its exit. */
function lives(pid: number): boolean {
  const state = execFileSync("ps", ["-e", "-o", "pid=,stat="], { encoding: "utf8" }).match(new RegExp(`^ *${pid} +(\\S)`, "m"))?.[1];
  return state !== undefined && state !== "Z";
}

test("a server ends also when its harness is killed without a chance to say so", async () => {
  const harness = spawn(process.execPath, ["--input-type=module-typescript", "-e", HARNESS], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = (await once(harness.stdout, "data")) as [Buffer];
  const pid = Number(said.toString());
  expect(lives(pid)).toBe(true);
  harness.kill("SIGKILL");
  await vi.waitFor(() => expect(lives(pid)).toBe(false), { timeout: 5000, interval: 50 });
});
