import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loroReplica } from "../node/loro.ts";
import { entityId } from "../rooms.ts";
import { readConfig } from "./config.ts";
import { createDocuments } from "./documents.ts";
import { createRateLimits } from "./limits.ts";
import { hashOf, openStore, type Store } from "./store.ts";
import { base32, createToken } from "./tokens.ts";

const pristine = (): boolean => false;
const ENTITY = entityId("reference");
const NOTHING = Uint8Array.of(0);
const GOOD = { DID: "did:web:sync.example", PLC_URL: "http://127.0.0.1:1", DATA_DIR: ":memory:" };

function store(path = ":memory:"): Store {
  return openStore({ path, singleUse: true, ownTokensOnly: false });
}

describe("settings", () => {
  it.each([
    ["DID", ""],
    ["DID", "sync.example"],
    ["PLC_URL", ""],
    ["PLC_URL", "plc"],
    ["DATA_DIR", ""],
    ["DATA_DIR", "/dev/null/x"],
    ["LIMITS", "yes"],
    ["PORT", "70000"],
    ["TIME_SCALE", "21"],
    ["TOKEN_LIFE_MS", "0"],
    ["PUBLIC_URL", "nope"],
    ["SHARD", "3/2"],
  ])("name %s when it is %j", (variable, value) => {
    expect(readConfig({ ...GOOD, [variable]: value })).toMatchObject({ variable });
  });

  it("scale the timers and not the tokens", () => {
    expect(readConfig({ ...GOOD, TIME_SCALE: "10" })).toMatchObject({
      tokenLifeMs: 30_000,
      timing: { pingMs: 2_000, silentMs: 4_500 },
      cache: { lifeMs: 60_000 },
    });
  });
});

describe("tokens", () => {
  it("are 52 characters of Crockford base32 of which the last holds one bit", () => {
    for (let n = 0; n < 100; n += 1) expect(createToken(pristine)).toMatch(/^[0-9A-HJKMNP-TV-Z]{51}[0G]$/);
    expect(base32(new Uint8Array(32).fill(255))).toBe(`${"Z".repeat(51)}G`);
  });

  it("serve once, until their end, and not when they are revoked by who owns them", () => {
    const each = store();
    for (const token of ["one", "two", "three"]) each.issue(token, "did:plc:a", 1_000, 30_000);
    expect(each.token(hashOf("one"), 2_000)?.did).toBe("did:plc:a");
    expect([each.use(hashOf("one")), each.use(hashOf("one"))]).toEqual([true, false]);
    expect(each.token(hashOf("one"), 2_000)).toBeUndefined();
    expect(each.token(hashOf("two"), 31_000)).toBeUndefined();
    each.revoke("did:plc:b", hashOf("three"), 2_000);
    expect(each.token(hashOf("three"), 2_000)).toBeDefined();
    each.revoke("did:plc:a", hashOf("three"), 2_000);
    expect(each.token(hashOf("three"), 2_000)).toBeUndefined();
    each.sweep(31_000);
    expect(each.tokensLive).toBe(0);
  });
});

describe("documents", () => {
  it("are given as what a version lacks, and come back from the store", () => {
    const folder = mkdtempSync(join(tmpdir(), "rollcall-sync-test-"));
    const path = join(folder, "x.sqlite");
    const first = store(path);
    const author = loroReplica(1);
    const documents = createDocuments(first, pristine);
    expect(documents.missing(ENTITY, NOTHING)).toEqual([]);
    const update = author.edit({ do: "type", at: 0, text: "kept" }, undefined);
    expect([documents.take(ENTITY, update), documents.take(ENTITY, update)]).toEqual(["new", "nothing-new"]);
    expect(documents.take(ENTITY, Uint8Array.of(1, 2, 3))).toBe("unreadable");
    expect(documents.missing(ENTITY, Uint8Array.of(9, 9, 9))).toBeUndefined();
    first.close();
    const second = store(path);
    const reader = loroReplica(2);
    for (const each of createDocuments(second, pristine).missing(ENTITY, NOTHING) ?? []) reader.take([each]);
    expect(reader.shown()).toBe(author.shown());
    second.close();
    rmSync(folder, { recursive: true });
  });

  it("keep what waits for its causes, once, and give it to who comes meanwhile", () => {
    const author = loroReplica(1);
    const [cause, effect] = [
      author.edit({ do: "type", at: 0, text: "a" }, undefined),
      author.edit({ do: "type", at: 1, text: "b" }, undefined),
    ];
    const documents = createDocuments(store(), pristine);
    expect([documents.take(ENTITY, effect), documents.take(ENTITY, effect)]).toEqual(["new", "nothing-new"]);
    expect(documents.missing(ENTITY, NOTHING)?.length).toBe(2);
    expect(documents.take(ENTITY, cause)).toBe("new");
    const whole = documents.missing(ENTITY, NOTHING) ?? [];
    expect(whole.length).toBe(1);
    const reader = loroReplica(2);
    reader.take(whole);
    expect(reader.shown()).toBe(author.shown());
  });

  it("of another instance are seen by what it has stored", () => {
    const folder = mkdtempSync(join(tmpdir(), "rollcall-sync-test-"));
    const path = join(folder, "x.sqlite");
    const [one, two] = [store(path), store(path)];
    one.append(ENTITY, Uint8Array.of(1));
    one.revoke("did:plc:a", undefined, 5);
    expect(two.newer()).toMatchObject({ updates: [{ entity: ENTITY }], revocations: [{ did: "did:plc:a" }] });
    expect(two.newer()).toEqual({ updates: [], revocations: [] });
    expect(one.newer().updates).toEqual([]);
    one.close();
    two.close();
    rmSync(folder, { recursive: true });
  });
});

describe("limits", () => {
  const figures = { socketsPerDid: 20, tokensPerMinute: 2, framesPerSecond: 10, authFailuresPerMinute: 2 };

  it("of tokens are a DID's own, and say when to come back", () => {
    let nowMs = 0;
    const limits = createRateLimits(figures, () => nowMs);
    expect([limits.token("a"), limits.token("a"), limits.token("b")].every(({ isAllowed }) => isAllowed)).toBe(true);
    nowMs = 20_000;
    expect(limits.token("a")).toEqual({ isAllowed: false, retryAfterS: 40 });
    nowMs = 60_000;
    expect(limits.token("a").isAllowed).toBe(true);
  });

  it("of frames close only after five seconds of excess", () => {
    let nowMs = 0;
    const limits = createRateLimits(figures, () => nowMs);
    const seconds: boolean[] = [];
    for (let second = 0; second < 8; second += 1) {
      let isFlooding = false;
      for (let n = 0; n < 20; n += 1) {
        nowMs = second * 1_000 + n * 50;
        isFlooding = limits.isFlooding("a") || isFlooding;
      }
      seconds.push(isFlooding);
    }
    expect(seconds.slice(0, 5)).toEqual([false, false, false, false, false]);
    expect(seconds.at(-1)).toBe(true);
  });

  it("are none when they are off", () => {
    const limits = createRateLimits(undefined, () => 0);
    for (let n = 0; n < 1_000; n += 1) expect(limits.token("a").isAllowed && !limits.isFlooding("a")).toBe(true);
  });
});
