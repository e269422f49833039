import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Result } from "../core/result.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { CHUNK, readChunks } from "../recording/index.ts";
import { load } from "./load.ts";
import { recheck } from "./recheck.ts";
import { loadBinding } from "./registry.ts";

const folder = mkdtempSync(join(tmpdir(), "rollcall-recheck-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SMALL: Partial<ScenarioParameters> = { clients: 40, rooms: 8, ratePerSecond: 2, rampMs: 1000, durationMs: 3000 };
const RUN_MS_MAX = 120_000;

async function record(
  name: string,
  parameters: Partial<ScenarioParameters>,
  mutant?: string,
  workers = 1,
): Promise<{ live: Result; path: string }> {
  const path = join(folder, name);
  const live = await load({
    scenario: "watch-party",
    target: "playback",
    parameters,
    seed: "recheck",
    record: path,
    workers,
    ...(mutant === undefined ? {} : { mutant: { id: mutant } }),
  });
  return { live, path };
}

async function textOf(path: string): Promise<string> {
  const plain: Buffer[] = [];
  for await (const chunk of readChunks(path)) plain.push(chunk.plain);
  return Buffer.concat(plain).toString("latin1");
}

describe("a recording of a server without faults", () => {
  let run: { live: Result; path: string };
  beforeAll(async () => {
    run = await record("pristine.rec", { ...SMALL, churnPerMinute: 1 });
  }, RUN_MS_MAX);

  test("gives the very result of the live run", async () => {
    expect(run.live.load?.delivered).toBeGreaterThan(300);
    expect(run.live.load?.objectives.find(({ name }) => name === "violations")?.got).toBe("0");
    expect(await recheck({ recording: run.path })).toEqual({ result: run.live, fault: undefined });
  });

  test("holds no token, and neither keys nor headers of the target", async () => {
    const text = await textOf(run.path);
    expect(text).toContain("PLAYBACK_UPDATED");
    expect(text).not.toMatch(/eyJ[\w-]{10,}|[Bb]earer|PRIVATE KEY|"headers"|token=/);
  });

  test("is judged as far as it goes when it is cut off, as inconclusive and with exit code 2", async () => {
    for (const share of [0.3, 0.9]) {
      const path = join(folder, `cut-${share}.rec`);
      copyFileSync(run.path, path);
      truncateSync(path, Math.floor(readFileSync(run.path).length * share));
      const { result, fault } = await recheck({ recording: path });
      expect(fault).toContain("ends in mid-chunk");
      expect(result).toMatchObject({ exitCode: 2, verdict: "inconclusive" });
      expect(result.notes.join()).toContain(path);
      expect(result.requirements.filter(({ verdict }) => verdict === "pass" || verdict === "fail")).toEqual([]);
    }
  });

  test("is not trusted when a byte of it has changed", async () => {
    const path = join(folder, "changed.rec");
    const bytes = readFileSync(run.path);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect(await recheck({ recording: path })).toMatchObject({
      result: { exitCode: 2 },
      fault: expect.stringContaining("damaged") as string,
    });
  });

  test("is not written over", async () => {
    await expect(record("pristine.rec", SMALL)).rejects.toMatchObject({ code: "usage" });
    expect(existsSync(run.path)).toBe(true);
  });
});

test("what is no recording is a mistake of the user", async () => {
  const path = join(folder, "page.html");
  writeFileSync(path, "<!doctype html>");
  await expect(recheck({ recording: path })).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("no recording") as string,
  });
  await expect(recheck({ recording: join(folder, "nothing") })).rejects.toMatchObject({ code: "usage" });
});

test(
  "two workers write a folder, which is judged as one run; without one of its files it is inconclusive",
  async () => {
    const { live, path } = await record("two", SMALL, undefined, 2);
    expect(live.harness.workers).toBe(2);
    expect((await recheck({ recording: path })).result).toEqual(live);
    const half = join(folder, "half");
    mkdirSync(half);
    copyFileSync(join(path, "shard-1.rec"), join(half, "shard-1.rec"));
    const { result, fault } = await recheck({ recording: half });
    expect(fault).toContain("worker 1 of 2 is missing");
    expect(result).toMatchObject({ exitCode: 2, verdict: "inconclusive" });
  },
  RUN_MS_MAX,
);

test(
  "chunks of a later version are no reason to guess",
  async () => {
    const { path } = await record("later.rec", { ...SMALL, durationMs: 500 });
    const bytes = readFileSync(path);
    const at = bytes.indexOf(CHUNK.events, 8);
    expect(at).toBeGreaterThan(0);
    appendFileSync(path, Buffer.from([99]));
    expect((await recheck({ recording: path })).fault).toContain("mid-chunk");
  },
  RUN_MS_MAX,
);

/** Each is a run of its own: `ROLLCALL_LONG=1` (npm run unit:long) has all of them. */
const IS_LONG = process.env["ROLLCALL_LONG"] === "1";
const MUTANTS = ["reorders-between-members"];
const MORE_MUTANTS = ["drops-delivery-to-one-member", "doubles-broadcast", "author-misses-first-echo", "slow-fan-out"];

/** They act once in 100,000 deliveries, of which a slow machine may not have enough. */
const RARE = ["drops-one-in-100000", "swaps-one-pair-in-100000"];
const RARE_DELIVERIES_MIN = 150_000;

describe("a recording of a mutant gives the same failing ids and counts as the live run", () => {
  test.each(IS_LONG ? [...MUTANTS, ...MORE_MUTANTS] : MUTANTS)(
    "%s",
    async (mutant) => {
      const { live, path } = await record(`${mutant}.rec`, SMALL, mutant);
      expect(await recheck({ recording: path })).toEqual({ result: live, fault: undefined });
      expect(live.requirements.some(({ verdict }) => verdict === "fail" || verdict === "warning")).toBe(true);
    },
    RUN_MS_MAX,
  );

  test.runIf(IS_LONG).each(RARE)(
    "%s",
    async (id) => {
      const mutant = (await loadBinding("playback")).mutants.find((each) => each.id === id);
      const { clients, rooms, rate } = mutant?.shownBy?.parameters ?? {};
      const parameters = { clients: Number(clients), rooms: Number(rooms), ratePerSecond: Number(rate), rampMs: 3000, durationMs: 10_000 };
      const { live, path } = await record(`${id}.rec`, parameters, id);
      expect(await recheck({ recording: path })).toEqual({ result: live, fault: undefined });
      if ((live.load?.expected ?? 0) < RARE_DELIVERIES_MIN) return;
      const reasons = live.requirements.filter(({ verdict }) => verdict === "fail").map((each) => `${each.id} ${each.reasons.join()}`);
      expect(reasons).toEqual(mutant?.breaks.map((each) => `${each.id} ${each.reason}`));
    },
    RUN_MS_MAX,
  );
});
