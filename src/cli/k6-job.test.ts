import { expect, test } from "vitest";
import { jobOfEnvironment, vusOfProcess } from "./k6-job.ts";

const SCENARIO = {
  name: "watch-party",
  defaults: { clients: 600, rooms: 60, ratePerSecond: 1, durationMs: 1000, rampMs: 0, churnPerMinute: 0 },
};
const BINDING = { name: "playback", dialects: ["published"] as const };
const REFEREE = { REFEREE: "http://127.0.0.1:7700", ROLLCALL_RUN_TOKEN: "0123456789abcdef" };

const jobOf = (environment: Readonly<Record<string, string>>): ReturnType<typeof jobOfEnvironment> =>
  jobOfEnvironment(environment, SCENARIO, { ...BINDING, dialects: [...BINDING.dialects] }, () => "");

test("a process by its number asks for its own VUs, one by its segment for those of all", () => {
  const own = { TARGET: "ws://a:1", SOCKETS_PER_VU: "100" };
  expect(vusOfProcess(jobOf(own))).toEqual({ own: 6, asked: 6 });
  expect(vusOfProcess(jobOf({ ...own, ...REFEREE, SHARD: "2/3" }))).toEqual({ own: 2, asked: 2 });
  expect(vusOfProcess(jobOf({ ...own, ...REFEREE, SHARDS: "3" }))).toEqual({ own: 2, asked: 6 });
  // Sixty rooms to three: a room is never divided between VUs, and each process has a third of them only.
  expect(vusOfProcess(jobOf({ ...own, ...REFEREE, SHARD: "1/3", SHARD_BY: "rooms", SOCKETS_PER_VU: "1" }))).toEqual({ own: 20, asked: 20 });
});

test("several addresses are those of servers that share their rooms", () => {
  expect(jobOf({ TARGET: "ws://a:1/base,ws://b:2/base" }).target).toMatchObject({ urls: ["http://a:1", "http://b:2"], basePath: "/base" });
  expect(() => jobOf({ TARGET: "ws://a:1/x,ws://b:2/y" })).toThrow("-e TARGET: its addresses have different base paths");
});

test("what makes no shard is refused, and the variable is named", () => {
  expect(() => jobOf({ SHARD: "1/3" })).toThrow("-e SHARD: a shard needs a referee");
  expect(() => jobOf({ ...REFEREE, SHARD: "4/3" })).toThrow("-e SHARD:");
  expect(() => jobOf({ ...REFEREE, SHARD: "1/3", SHARDS: "4" })).toThrow("-e SHARDS: 4 and 3 in SHARD");
  expect(() => jobOf({ REFEREE: "somewhere" })).toThrow("-e REFEREE:");
  expect(() => jobOf({ ...REFEREE, SHARD: "1/3", SHARD_BY: "luck" })).toThrow("-e SHARD_BY:");
});
