import { createServer } from "node:net";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Binding } from "../core/binding.ts";
import { requirementId } from "../core/ids.ts";
import { freePort } from "./network.ts";
import { describeTarget, startTarget } from "./start.ts";
import type { StartOptions } from "./types.ts";

const folder = mkdtempSync(join(tmpdir(), "rollcall-targets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As much of a binding as targets look at. */
const binding = {
  manifest: {
    name: "toy",
    dialects: ["one"],
    capabilities: { restart: { default: false, meaning: "" }, presence: { default: true, meaning: "" } },
  },
  requirements: [{ id: requirementId("TOY-ERR-01") }],
} as unknown as Binding;

const SERVER = `
  const server = require("node:http").createServer((request, answer) => answer.writeHead(request.url === "/ok" ? 200 : 404).end());
  server.listen(Number(process.env.PORT), "127.0.0.1", () => {
    console.log("starting");
    console.log(JSON.stringify({ event: "ready", url: "http://127.0.0.1:" + server.address().port }));
  });
  process.on("SIGTERM", () => process.exit(0));`;

function options(target: string, reference: string = SERVER, purpose: StartOptions["purpose"] = "check"): StartOptions {
  const home = mkdtempSync(join(folder, "toy-"));
  mkdirSync(join(home, "reference"));
  writeFileSync(join(home, "reference", "main.js"), reference);
  return {
    target,
    purpose,
    today: "2026-06-01",
    registry: { bindingNames: () => ["toy"], bindingFolder: () => home, loadBinding: () => Promise.resolve(binding) },
  };
}

function file(text: string): string {
  const path = join(mkdtempSync(join(folder, "file-")), "mine.yaml");
  writeFileSync(path, text);
  return path;
}

/** A command that runs the same server. */
function serverFile(ready: string, script: string = SERVER): string {
  const path = file("");
  writeFileSync(`${path}.cjs`, script);
  writeFileSync(
    path,
    `binding: toy\nstart:\n  command: '"${process.execPath}" mine.yaml.cjs'\n  env: { PORT: "{port}" }\n  ready: ${ready}\n`,
  );
  return path;
}

test("a reference server is started, restarted on its port, and stopped", async () => {
  const target = await startTarget(options("toy"));
  const url = target.resolved.urls[0];
  expect((await fetch(`${url}/ok`)).status).toBe(200);
  expect(target.resolved.capabilities).toEqual({ restart: true });
  const before = target.process?.pid;
  await target.process?.restart();
  expect(target.process?.pid).not.toBe(before);
  expect((await fetch(`${url}/ok`)).status).toBe(200);
  await target.stop();
  await expect(fetch(url)).rejects.toThrow();
});

test("a reference server that dies at its start is unreachable, with its last words", async () => {
  await expect(startTarget(options("toy", "console.error('no more disk'); process.exit(3)"))).rejects.toMatchObject({
    code: "unreachable",
    message: expect.stringMatching(/exit code 3[\s\S]*no more disk/) as string,
  });
});

test("a server that dies in mid-run is told apart from one that was stopped", async () => {
  const target = await startTarget(options("toy"));
  process.kill(target.process?.pid ?? 0, "SIGKILL");
  await expect.poll(() => target.exited()).toEqual({ code: null, signal: "SIGKILL" });
  await target.stop();
});

test.each(["{}", "{ http: /ok }", "{ ws: / }"])("a command is ready by %s", async (ready) => {
  const target = await startTarget(options(serverFile(ready)));
  expect((await fetch(`${target.resolved.urls[0]}/ok`)).status).toBe(200);
  await target.stop();
  await expect(fetch(target.resolved.urls[0])).rejects.toThrow();
});

test("a command that is never ready is given up", async () => {
  await expect(startTarget(options(serverFile("{ http: /never, withinMs: 600 }")))).rejects.toMatchObject({ code: "unreachable" });
});

test("a port in use is said before anything is started", async () => {
  const port = await freePort();
  const holder = createServer().listen(port, "127.0.0.1");
  await expect(startTarget(options(file(`binding: toy\nurl: http://127.0.0.1:${port}\ncommand: "true"\n`)))).rejects.toMatchObject({
    code: "unreachable",
    message: `port ${port} is in use already`,
  });
  holder.close();
});

test("a URL where nothing listens is unreachable", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  await expect(startTarget(options(file(`binding: toy\nurl: ${url}\n`)))).rejects.toMatchObject({ code: "unreachable" });
});

test("load on a host that is not ours needs consent, a check does not", async () => {
  const path = file("binding: toy\nurl: wss://rooms.example/api\n");
  await expect(describeTarget(options(path, SERVER, "load"))).rejects.toMatchObject({
    code: "usage",
    hint: expect.stringContaining("--i-may-load rooms.example") as string,
  });
  const checked = await describeTarget(options(path));
  expect([checked.mayFlood, checked.resolved.urls[0], checked.resolved.basePath]).toEqual([false, "https://rooms.example", "/api"]);
  expect((await describeTarget({ ...options(path, SERVER, "load"), mayLoad: ["rooms.example"] })).mayFlood).toBe(true);
});

test.each([
  ["nope", "no reference server and no target file"],
  ["http://127.0.0.1:1", "not a URL"],
  ["./none.yaml", "there is no such file"],
])("%s is no target", async (target, message) => {
  await expect(describeTarget(options(target))).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining(message) as string,
  });
});

test("names that the binding does not have, and dates that are past, are mistakes", async () => {
  const known = "known: [{ id: TOY-ERR-02, reason: lost, rate: always, because: issue, until: 2026-05-31 }]";
  const path = file(`binding: toy\nurl: http://h\ndialect: two\ncapabilities: { pressence: true }\n${known}\n`);
  await expect(describeTarget(options(path))).rejects.toMatchObject({
    message: expect.stringMatching(/dialect "two"[\s\S]*"pressence"[\s\S]*no such requirement[\s\S]*2026-05-31 is past/) as string,
  });
});

test("an audience may hold the server's own port, which is chosen before it starts", async () => {
  const echo = SERVER.replace('answer.writeHead(request.url === "/ok" ? 200 : 404).end()', "answer.end(process.env.AUDIENCE)");
  const given = options("toy", echo);
  const manifest = {
    ...binding.manifest,
    reference: { credential: { audience: "did:web:localhost%3A{port}" } },
  };
  const loadBinding = (): Promise<Binding> => Promise.resolve({ ...binding, manifest });
  const running = await startTarget({ ...given, given: { presence: false, other: true }, registry: { ...given.registry, loadBinding } });
  try {
    const { urls, credential, capabilities } = running.resolved;
    expect(credential.audience).toBe(`did:web:localhost%3A${new URL(urls[0]).port}`);
    expect(await (await fetch(urls[0])).text()).toBe(credential.audience);
    // What the surroundings give turns on what the binding knows, and nothing else.
    expect(capabilities).toEqual({ restart: true });
  } finally {
    await running.stop();
  }
});
