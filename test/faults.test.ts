import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { load } from "../src/cli/load.ts";
import { recheck } from "../src/cli/recheck.ts";

/** A server, a directory and a worker start, the run takes 8 s, and a busy machine takes its time over all of it. */
const WITHIN_MS = 150_000;

const folder = mkdtempSync(join(tmpdir(), "rollcall-faults-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = { clients: 10, rooms: 2, ratePerSecond: 1, durationMs: 7000, rampMs: 1000 };

describe("a server that is killed in mid-load and started again", () => {
  test("has every confirmed event once, and a recording of it is judged alike", { timeout: WITHIN_MS }, async () => {
    const record = join(folder, "kill.rec");
    const live = await load({ scenario: "chat-space", target: "leaf", faults: "kill-and-restart", parameters: SMALL, record });
    const faults = live.load?.faults;
    expect(faults?.faults.map(({ kind, failure }) => [kind, failure])).toEqual([["kill", undefined]]);
    expect(faults?.faults[0]?.noticedBy).toBe(10);
    expect(faults?.faults[0]?.recoverMs).toBeGreaterThan(0);
    expect(faults).toMatchObject({ missing: 0, lost: 0, doubled: 0, requirement: "LEAF-ORD-05" });
    expect(faults?.looked).toBeGreaterThan(2);
    expect(live.requirements.filter(({ verdict }) => verdict === "fail" || verdict === "warning")).toEqual([]);
    expect(live.rerun).toContain("--faults kill-and-restart");
    const { result } = await recheck({ recording: record });
    expect(result.load?.faults).toEqual(faults);
    expect(result.requirements).toEqual(live.requirements);
  });

  test("and forgets what it had confirmed is named", { timeout: WITHIN_MS }, async () => {
    const mutant = { id: "forgets-the-last-events" };
    const {
      requirements,
      load: figures,
      exitCode,
    } = await load({
      scenario: "chat-space",
      target: "leaf",
      faults: "kill-and-restart",
      parameters: SMALL,
      mutant,
    });
    expect(requirements.find(({ id }) => id === "LEAF-ORD-05")?.reasons).toContain("lost");
    expect(figures?.faults?.lost).toBeGreaterThan(0);
    expect(exitCode).toBe(1);
  });
});

test("a plan that strikes what the target does not have says so before anything is wrong", { timeout: WITHIN_MS }, async () => {
  const run = load({ scenario: "chat-space", target: "leaf", faults: "redis-away", parameters: SMALL });
  await expect(run).rejects.toThrow(/leaf has no redis that we started/);
});
