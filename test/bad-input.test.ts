import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Mood, startHostile } from "../fixtures/hostile/server.ts";
import type { Result } from "../src/core/result.ts";

/**
 * Whatever a user or a server does wrong: the command line, run as it is, ends in time, with the right exit code, in
 * words without a stack trace, and with what was gathered on disk.
 */
const ROOT = join(import.meta.dirname, "..");
const BIN = join(ROOT, "bin", "rollcall.js");
const REFERENCE = join(ROOT, "src", "bindings", "playback", "reference", "main.ts");
const folder = mkdtempSync(join(tmpdir(), "rollcall-bad-input-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** On two busy cores a start takes 5 s, beside others 15; what is waited for in a case or a short load, as much again. */
const MS_MAX = 90_000;
/** What no bound of the harness on a server that is silent, slow or endless adds up to, even on a machine that is busy otherwise. */
const HANGING_MS_MIN = 60_000;
/** Between Ctrl-C and the end: a cancel of 3 s, a close of 5 s. */
const LEAVE_MS_MAX = 12_000;
/** Words on a harness that lost time. */
const LATENESS = /late by|event-loop lag|send lag|GC/;
let runs = 0;

interface Run {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
  readonly tookMs: number;
  /** From the first word that `until` waited for to the end. */
  readonly afterMs: number;
  readonly result: Result | undefined;
}

interface Doing {
  readonly env?: Readonly<Record<string, string>>;
  /** Called once what it has said holds this text. */
  readonly at?: { readonly text: string; readonly act: (child: ChildProcess) => void };
  /** Its stdout is closed at once, as by `| head`. */
  readonly closeStdout?: boolean;
  readonly out?: string;
}

function rollcall(args: readonly string[], doing: Doing = {}): Promise<Run> {
  runs += 1;
  const dir = doing.out ?? join(folder, `report-${runs}`);
  const startedMs = performance.now();
  let actedMs = Infinity;
  const child = spawn(process.execPath, [BIN, ...args, ...(takesOut(args) ? ["--out", dir] : [])], {
    cwd: folder,
    env: { ...process.env, ...doing.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  const look = (): void => {
    if (doing.at === undefined || actedMs !== Infinity || !(out + err).includes(doing.at.text)) return;
    actedMs = performance.now();
    doing.at.act(child);
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    look();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    look();
  });
  if (doing.closeStdout === true) child.stdout.destroy();
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    child.kill("SIGKILL");
  }, MS_MAX);
  return new Promise((resolve, reject) => {
    child.once("close", (status) => {
      clearTimeout(timer);
      if (isOver) {
        const heard = doing.at === undefined ? "" : actedMs === Infinity ? `; never said "${doing.at.text}"` : "; acted upon";
        reject(new Error(`still running after ${MS_MAX} ms${heard}: ${args.join(" ")}\n${out}${err}`));
        return;
      }
      const endedMs = performance.now();
      const path = join(dir, "result.json");
      const result = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Result) : undefined;
      resolve({ status, out, err, result, tookMs: endedMs - startedMs, afterMs: endedMs - actedMs });
    });
  });
}

function takesOut(args: readonly string[]): boolean {
  return args[0] === "check" || args[0] === "load";
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

/** Words for a person: no stack, no fault of ours. */
function isPlain({ out, err }: Run): void {
  expect(out + err).not.toMatch(/^\s+at .*[:(]\d+:\d+\)?$/m);
  expect(out + err).not.toContain("internal error");
  expect(out + err).not.toContain("fault of the harness");
}

const LOAD = ["--clients", "4", "--rooms", "2", "--duration", "2s", "--ramp", "500ms"] as const;

/** A server that ends by itself, in mid-run. */
function mortal(name: string, lifeMs: number): string {
  const script = file(`${name}.mjs`, `setTimeout(() => process.exit(7), ${lifeMs});\nawait import(${JSON.stringify(REFERENCE)});\n`);
  return file(
    `${name}.yaml`,
    [
      "binding: playback",
      "start:",
      `  command: '"${process.execPath}" "${join(folder, script)}"'`,
      '  env: { PORT: "{port}", RECIPE: none }',
      "  ready: { http: /healthz }",
      "credential: { recipe: none }",
      "",
    ].join("\n"),
  );
}

function hostileFile(mood: string, url: string): string {
  runs += 1;
  return file(`${mood}-${runs}.yaml`, `binding: playback\nurl: ${url}\ncredential: { recipe: none }\n`);
}

describe.concurrent("a mistake of the user", () => {
  test.each([
    ["an unknown target", ["check", "plyback"], {}, 2, /no reference server and no target file "plyback"/],
    ["a missing file", ["check", "nowhere.yaml"], {}, 2, /nowhere\.yaml: can not be read: there is no such file/],
    ["a wrong flag", ["check", "playback", "--ony", "X"], {}, 2, /--only/],
    ["a pattern that fits nothing", ["check", "playback", "--only", "NOPE-*"], {}, 2, /matches no requirement and no case/],
    ["an unknown binding", ["check", file("wrong.yaml", "binding: playbak\nurl: http://127.0.0.1:1\n")], {}, 2, /playback/],
    [
      "broken YAML",
      ["check", file("broken.yaml", "binding: playback\nurl: [http://127.0.0.1:1\nlimits: {}\n")],
      {},
      2,
      /broken\.yaml:[34]:\d+: /,
    ],
    [
      "an unset variable",
      ["check", file("unset.yaml", "binding: playback\nurl: ${ROLLCALL_NOT_SET}\n")],
      {},
      2,
      /unset\.yaml:2:6: .*ROLLCALL_NOT_SET/,
    ],
    [
      "an unreachable URL",
      ["check", file("gone.yaml", "binding: playback\nurl: http://127.0.0.1:1\n")],
      {},
      3,
      /nothing listens at 127\.0\.0\.1:1/,
    ],
    [
      "an unreachable URL under load",
      ["load", "watch-party", "--target", "gone.yaml", ...LOAD],
      {},
      3,
      /nothing listens at 127\.0\.0\.1:1/,
    ],
  ] as const)("%s", { timeout: MS_MAX + 5_000 }, async (_name, args, doing, status, words) => {
    const run = await rollcall(args, doing);
    expect(run.err).toMatch(words);
    expect(run.status).toBe(status);
    isPlain(run);
  });

  test("a port in use", { timeout: MS_MAX + 5_000 }, async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const run = await rollcall(["serve", "playback", "--port", String(port)]);
    taken.close();
    expect(run.err).toContain(`port ${port} of 127.0.0.1 is in use`);
    expect(run.status).toBe(3);
    isPlain(run);
  });

  test.each([
    ["check", ["check", "playback", "--only", "PLAY-SESS-01"]],
    ["load", ["load", "watch-party", "--target", "playback", ...LOAD]],
  ] as const)("a key pool that can not be used: %s", { timeout: MS_MAX + 5_000 }, async (_name, args) => {
    const run = await rollcall(args, { env: { ROLLCALL_CACHE: join(folder, file("no-folder", "")) } });
    expect(run.err).toMatch(/^error: .*no-folder/m);
    expect(run.status).toBe(2);
    isPlain(run);
  });

  test("a folder that can not be written is told before anything starts", { timeout: MS_MAX + 5_000 }, async () => {
    const run = await rollcall(["check", "playback"], { out: join(folder, file("taken", ""), "below") });
    expect(run.err).toMatch(/^error: cannot write reports to .*taken/m);
    expect(run.err).not.toContain("starting");
    expect(run.status).toBe(2);
    isPlain(run);
  });

  test("a reader that goes costs neither the reports nor the exit code", { timeout: MS_MAX + 5_000 }, async () => {
    const run = await rollcall(["check", "playback", "--only", "session/create", "--json"], { closeStdout: true });
    expect(run.status).toBe(0);
    expect(run.result?.exitCode).toBe(0);
    isPlain(run);
  });
});

describe.concurrent("a server that", () => {
  /** What the observation of a check and the note of a load run must say; undefined where load adds nothing to it. */
  const moods: readonly (readonly [Mood, string, RegExp, RegExp | undefined])[] = [
    ["mute", "never answers", /no answer within/, undefined],
    ["deaf", "never answers the upgrade", /no answer|nothing within|101 within/, undefined],
    ["dumb", "upgrades and never speaks", /nothing within|SYNC|join/i, /did not answer|joins failed/],
    ["garbage", "sends no WebSocket frames", /closed (with )?1006 .*reserved bit|closed (with )?1006 .*RSV/, /joins failed/],
    ["giant", "sends a frame of 100 MB", /closed (with )?1006 .*(limit|size)/, /joins failed/],
    ["fragments", "never ends a message", /closed (with )?1006 .*(limit|size)/, undefined],
    ["pings", "pings without end", /closed (with )?1006 .*pings/, undefined],
    ["redirects", "sends everything round in a circle", /307/, /307|no room could be made/],
    ["endless", "never ends an HTTP answer", /more than \d+ bytes/, undefined],
    ["slams", "hangs up", /socket hang up|ECONNRESET/, undefined],
  ];

  test.each(moods)("%s: %s, is told so by a case", { timeout: MS_MAX + 5_000 }, async (mood, _what, words) => {
    const hostile = await startHostile(mood);
    const run = await rollcall(["check", hostileFile(mood, hostile.url), "--only", "session/join"]);
    await hostile.close();
    const [requirement] = run.result?.requirements ?? [];
    expect(requirement?.id).toBe("PLAY-SESS-02");
    expect(requirement?.observed).toMatch(words);
    expect(run.out).toContain("PLAY-SESS-02");
    expect(run.status).toBe(requirement?.verdict === "fail" ? 1 : 4);
    expect(["fail", "inconclusive"]).toContain(requirement?.verdict);
    expect(run.tookMs).toBeLessThan(HANGING_MS_MIN);
    isPlain(run);
  });

  const loaded = moods.flatMap(([mood, what, , words]) => (words === undefined ? [] : [[mood, what, words] as const]));

  test.each(loaded)("%s: %s, is told so under load", { timeout: MS_MAX + 5_000 }, async (mood, _what, words) => {
    const hostile = await startHostile(mood);
    const run = await rollcall(["load", "watch-party", "--target", hostileFile(mood, hostile.url), ...LOAD]);
    await hostile.close();
    expect(run.result?.notes.join("\n")).toMatch(words);
    // A machine that is busy may make the harness late, and that is said; what the server did is not laid at its door.
    expect(run.result?.harness.inconclusiveBecause.filter((text) => !LATENESS.test(text))).toEqual([]);
    expect(run.out).toContain("No client came into a room.");
    expect(run.status).toBe(3);
    expect(run.tookMs).toBeLessThan(HANGING_MS_MIN);
    isPlain(run);
  });

  test("speaks another protocol is named by what it lacks", { timeout: MS_MAX + 5_000 }, async () => {
    const other = join(ROOT, "fixtures", "bindings", "tally", "reference", "main.ts");
    const target = file(
      "other.yaml",
      `binding: playback\nstart: { command: '"${process.execPath}" "${other}"', env: { PORT: "{port}" } }\ncredential: { recipe: none }\n`,
    );
    const run = await rollcall(["check", target, "--only", "session/create"]);
    expect(run.result?.requirements[0]).toMatchObject({ id: "PLAY-SESS-01", verdict: "fail" });
    expect(run.status).toBe(1);
    isPlain(run);
  });

  test("dies under a check is a finding, and what was gathered is written", { timeout: MS_MAX + 5_000 }, async () => {
    const run = await rollcall(["check", mortal("dies-in-check", 6_000)]);
    expect(run.result?.requirements.find(({ id }) => id === "PLAY-ROB-01")).toMatchObject({ verdict: "fail", reasons: ["crashed"] });
    expect(run.result?.notes.join("\n")).toContain("the server died: it ended by itself with exit code 7");
    expect(run.status).toBe(1);
    isPlain(run);
  });

  test("dies under load is a finding, and what was gathered is written", { timeout: MS_MAX + 5_000 }, async () => {
    const run = await rollcall(["load", "watch-party", "--target", mortal("dies-in-load", 7_000), ...LOAD, "--duration", "8s"]);
    expect(run.result?.requirements.find(({ id }) => id === "PLAY-ROB-01")).toMatchObject({ verdict: "fail", reasons: ["crashed"] });
    expect(run.result?.load?.delivered).toBeGreaterThan(0);
    expect(run.status).toBe(1);
    isPlain(run);
  });
});

describe.concurrent("Ctrl-C", () => {
  const check = ["check", "playback"];
  const load = ["load", "watch-party", "--target", "playback", "--clients", "4", "--rooms", "2", "--duration", "60s"];
  const once = (child: ChildProcess): void => void child.kill("SIGINT");

  test.each([
    ["a check", check, " cases  "],
    ["a check whose cases have not begun", check, "judging playback"],
    ["a load run", load, " of 63 s"],
    ["a load run whose workers have not begun", load, "starting 1 worker"],
  ] as const)("once ends %s, and what was gathered is written", { timeout: MS_MAX + 5_000 }, async (_name, args, text) => {
    const run = await rollcall(args, { at: { text, act: once } });
    expect(run.status).toBe(130);
    expect(run.result).toMatchObject({ interrupted: true, exitCode: 130 });
    expect(run.result?.verdict).not.toBe("pass");
    expect(run.afterMs).toBeLessThan(LEAVE_MS_MAX);
    isPlain(run);
  });

  test("once ends a run that has not started its server", { timeout: MS_MAX + 5_000 }, async () => {
    const run = await rollcall(load, { at: { text: "starting the directory", act: once } });
    expect(run.status).toBe(130);
    expect(run.afterMs).toBeLessThan(LEAVE_MS_MAX);
    isPlain(run);
  });

  test.each([
    ["a check", check, " cases  "],
    ["a load run", load, "starting 1 worker"],
  ] as const)("twice leaves %s at once", { timeout: MS_MAX + 5_000 }, async (_name, args, text) => {
    let secondMs = Infinity;
    const twice = (child: ChildProcess): void => {
      child.kill("SIGINT");
      child.stderr?.on("data", (said: string) => {
        if (!said.includes("interrupted") || secondMs !== Infinity) return;
        secondMs = performance.now();
        child.kill("SIGINT");
      });
    };
    const run = await rollcall(args, { at: { text, act: twice } });
    expect(run.status).toBe(130);
    expect(performance.now() - secondMs).toBeLessThan((LEAVE_MS_MAX * 2) / 3);
    isPlain(run);
  });
});
