import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "@atcute/cbor";
import { LeafClient } from "@muni-town/leaf-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MODULE_TYPE } from "../messages.ts";
import { REFERENCE_MODULE } from "../reference-module.ts";
import { readConfig } from "./config.ts";
import { type LeafServer, startServer } from "./server.ts";

/** Calls of this client have no time limit of their own. */
const CALL_MS_MAX = 10_000;
const TOKEN = "the-shared-secret";
const MODULE = { $type: MODULE_TYPE, ...REFERENCE_MODULE } as Parameters<LeafClient["uploadModule"]>[0] &
  Parameters<typeof LeafClient.moduleCid>[0];

function timed<T>(call: Promise<T>): Promise<T> {
  return Promise.race([
    call,
    new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error("no answer in time")), CALL_MS_MAX).unref();
    }),
  ]);
}

const folder = mkdtempSync(join(tmpdir(), "leaf-client-"));
const clients: LeafClient[] = [];
let server: LeafServer;

async function start(): Promise<LeafServer> {
  const config = readConfig({
    DATA_DIR: folder,
    UNSAFE_AUTH_TOKEN: TOKEN,
    DID: "did:web:leaf.test",
    SQL_PROCESSES: "1",
    SQL_MS_MAX: "4000",
  });
  if ("problem" in config) throw new Error(config.problem);
  return startServer(config, () => {});
}

async function connect(token: string | undefined): Promise<{ readonly client: LeafClient; readonly did: unknown }> {
  const client = new LeafClient(server.url, token === undefined ? undefined : () => Promise.resolve(token));
  clients.push(client);
  const did = await timed(
    new Promise<unknown>((resolve, reject) => {
      client.on("authenticated", resolve);
      client.on("error", (error) => reject(new Error(String(error))));
    }),
  );
  return { client, did };
}

beforeAll(async () => {
  server = await start();
});

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Rows {
  readonly Ok: { readonly rows: readonly Readonly<Record<string, { readonly value: unknown }>>[]; readonly has_more: boolean };
}

describe("the published client", () => {
  test("uploads a module, makes a stream, appends, subscribes and asks", async () => {
    const { client, did } = await connect(TOKEN);
    expect(did).toBe("did:web:leaf.test");
    const { moduleCid } = await timed(client.uploadModule(MODULE));
    expect(moduleCid).toBe(await LeafClient.moduleCid(MODULE));
    const { streamDid } = await timed(client.createStream(moduleCid));
    expect(streamDid).toMatch(/^did:plc:[a-z2-7]{24}$/);
    expect(await timed(client.streamInfo(streamDid))).toEqual({ moduleCid });
    const heard: Rows[] = [];
    const unsubscribe = await timed(
      client.subscribeEvents(streamDid, { name: "log", params: {}, start: 1 }, (news) => void heard.push(news as unknown as Rows)),
    );
    const payloads = ["a", "b"].map((eid) => encode({ eid, kind: "post", room: "general", body: `words of ${eid}` }));
    await timed(client.sendEvents(streamDid, payloads));
    await expect(timed(client.sendEvents(streamDid, payloads))).rejects.toThrow("Unauthorized: duplicate a");
    await expect.poll(() => heard.flatMap((news) => news.Ok.rows.map((row) => row["idx"]?.value)), { timeout: 5_000 }).toEqual([1, 2]);
    expect(await timed(client.query(streamDid, { name: "count", params: {} }))).toMatchObject([{ n: { value: 2 }, upTo: { value: 2 } }]);
    await timed(client.sendEvents(streamDid, [encode({ eid: "c", kind: "post", body: "for another" })], "did:plc:bob"));
    const rows = await timed(client.query(streamDid, { name: "log", params: {}, start: 3 }));
    expect(rows).toMatchObject([{ user: { value: "did:plc:bob" } }]);
    await timed(unsubscribe());
    await expect(timed(client.query(streamDid, { name: "nothing", params: {} }))).rejects.toThrow("nothing");
  });

  test("is nobody without a token, and may not write", async () => {
    const { client, did } = await connect(undefined);
    expect(did).toBeNull();
    await expect(timed(client.uploadModule(MODULE))).rejects.toThrow("authenticated");
    await expect(connect("nonsense")).rejects.toThrow("token");
  });

  test("keeps state apart from events", async () => {
    const { client } = await connect(TOKEN);
    const stateful = {
      ...MODULE,
      stateInitSql: "create table if not exists state.reads (user text primary key, at integer)",
      stateMaterializer:
        "insert into state.reads select user, drisl_extract(payload, '.at') from event where true on conflict do update set at = excluded.at",
      queries: [...REFERENCE_MODULE.queries, { name: "reads", sql: "select at from state.reads", params: [] }],
    } as typeof MODULE;
    const { moduleCid } = await timed(client.uploadModule(stateful));
    const { streamDid } = await timed(client.createStream(moduleCid));
    await timed(client.sendStateEvents(streamDid, [encode({ at: 5 })]));
    expect(await timed(client.query(streamDid, { name: "reads", params: {} }))).toMatchObject([{ at: { value: 5 } }]);
    expect(await timed(client.query(streamDid, { name: "count", params: {} }))).toMatchObject([{ upTo: { value: 0 } }]);
    await timed(client.clearState(streamDid));
    expect(await timed(client.query(streamDid, { name: "reads", params: {} }))).toEqual([]);
  });

  test("gets an error from a query that never ends, and the next one is answered", async () => {
    const { client } = await connect(TOKEN);
    const endless = {
      ...MODULE,
      queries: [
        ...REFERENCE_MODULE.queries,
        { name: "endless", sql: "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n", params: [] },
      ],
    } as typeof MODULE;
    const { moduleCid } = await timed(client.uploadModule(endless));
    const { streamDid } = await timed(client.createStream(moduleCid));
    await timed(client.sendEvents(streamDid, [encode({ eid: "kept", kind: "post" })]));
    await expect(timed(client.query(streamDid, { name: "endless", params: {} }))).rejects.toThrow("too long");
    expect(await timed(client.query(streamDid, { name: "count", params: {} }))).toMatchObject([{ n: { value: 1 } }]);
  });

  test("finds its events after the server was started again", async () => {
    const { client } = await connect(TOKEN);
    const { moduleCid } = await timed(client.uploadModule(MODULE));
    const { streamDid } = await timed(client.createStream(moduleCid));
    await timed(client.sendEvents(streamDid, [encode({ eid: "kept", kind: "post" })]));
    client.disconnect();
    await server.stop();
    server = await start();
    const again = await connect(TOKEN);
    expect(await timed(again.client.query(streamDid, { name: "count", params: {} }))).toMatchObject([
      { n: { value: 1 }, upTo: { value: 1 } },
    ]);
  });
});
