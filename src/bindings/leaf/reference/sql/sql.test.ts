import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { encodeCbor, real, type CborValue } from "../../dag-cbor.ts";
import { encodeEvent } from "../../events.ts";
import { type BasicModule, moduleToCbor } from "../../messages.ts";
import { REFERENCE_MODULE } from "../../reference-module.ts";
import { PRISTINE_SQL } from "../faults.ts";
import { defineFunctions, parsePath } from "./functions.ts";
import { readModule, type StoredModule } from "./module.ts";
import { splitStatements } from "./statements.ts";
import { Stream } from "./stream.ts";

const folder = mkdtempSync(join(tmpdir(), "leaf-sql-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("statements", () => {
  test.each([
    ["a; b ;;c", ["a", "b", "c"]],
    ["select ';' ; select \"a;b\", `c;d`, [e;f]", ["select ';'", 'select "a;b", `c;d`, [e;f]']],
    ["select 'it''s; fine'; -- no; comment\n select 2", ["select 'it''s; fine'", "-- no; comment\n select 2"]],
    ["/* a; b */ select 1; /* only a comment */", ["/* a; b */ select 1"]],
    [
      "create trigger t after insert on x begin select case when 1 then 2 end; delete from y; end; select 3",
      ["create trigger t after insert on x begin select case when 1 then 2 end; delete from y; end", "select 3"],
    ],
    ["", []],
    ["-- nothing", []],
  ])("%s", (sql, expected) => {
    expect(splitStatements(sql)).toEqual(expected);
  });
});

describe("functions of a module", () => {
  const database = new DatabaseSync(":memory:");
  defineFunctions(database);
  const extract = (value: CborValue, path: string): unknown => {
    const statement = database.prepare("select drisl_extract(?, ?) as v, drisl_exists(?, ?) as e");
    statement.setReadBigInts(true);
    const bytes = encodeCbor(value);
    const row = statement.get(bytes, path, bytes, path);
    return row?.["e"] === 0n ? "absent" : row?.["v"];
  };

  test.each<readonly [CborValue, string, unknown]>([
    [{ a: 1 }, ".a", 1n],
    [{ a: real(1) }, ".a", 1],
    [{ a: "x" }, ".a", "x"],
    [{ a: true }, ".a", 1n],
    [{ a: null }, ".a", null],
    [{ a: [5, 6] }, ".a.1", 6n],
    [{ a: [5, 6] }, ".a.2", "absent"],
    [{ "b c": 2 }, '."b c"', 2n],
    [{ 'q"\\': 3 }, '."q\\"\\\\"', 3n],
    [{ $type: "t" }, ".$type", "t"],
    [{ kind: { post: 1 } }, ".kind.?discriminant", "post"],
    [{ kind: "post" }, ".kind.?discriminant", "post"],
    [{ a: 2n ** 64n - 1n }, ".a", "18446744073709551615"],
    [{ a: Uint8Array.of(1) }, ".a", Uint8Array.of(1)],
    [{ a: { b: [1, "x", Uint8Array.of(255)] } }, ".a", '{"b":[1,"x",{"/":{"bytes":"/w"}}]}'],
  ])("%o at %s", (value, path, expected) => {
    expect(extract(value, path)).toEqual(expected);
  });

  test("refuse paths of another form and payloads that are no DRISL", () => {
    for (const path of ["", "a", ".", ".a.", ".a b", '."a', ".?other"]) expect(() => parsePath(path)).toThrow(/path/);
    expect(() => database.prepare("select drisl_extract(x'ff', '.a')").get()).toThrow(/DRISL/);
    expect(() => database.prepare("select drisl_extract(x'a2616201616101', '.a')").get()).toThrow(/order/);
  });

  test("stop a statement with their arguments in words", () => {
    expect(() => database.prepare("select unauthorized('no', 7, null, x'0aff')").get()).toThrow("Unauthorized: no 7 NULL 0AFF");
    expect(() => database.prepare("select throw('oh')").get()).toThrow("Exception thrown: oh");
  });
});

describe("a stream", () => {
  let count = 0;
  const stored = (module: Partial<BasicModule> = {}): StoredModule =>
    readModule(encodeCbor(moduleToCbor({ ...REFERENCE_MODULE, ...module })));
  const open = (module: StoredModule, at?: string): { readonly stream: Stream; readonly path: string } => {
    count += 1;
    const path = at ?? join(folder, String(count));
    return { stream: new Stream("did:plc:x", path, () => module, module.cid, PRISTINE_SQL), path };
  };
  const post = (eid: string): Uint8Array => encodeEvent({ eid, kind: "post", room: "general" });
  const positions = (stream: Stream): readonly unknown[] =>
    stream.query({ name: "log", params: {}, start: undefined, limit: undefined }, undefined).rows.map((row) => row[0]);

  test("appends a batch as a whole, or nothing of it", () => {
    const { stream } = open(stored());
    stream.append("did:plc:a", [post("1"), post("2")]);
    expect(() => stream.append("did:plc:a", [post("3"), post("1")])).toThrow("duplicate 1");
    stream.append("did:plc:a", [post("4")]);
    expect(positions(stream)).toEqual([1n, 2n, 3n]);
  });

  test("is the same after it was closed, and makes its views anew when they are behind the log", () => {
    const { stream, path } = open(stored());
    stream.append("did:plc:a", [post("1"), post("2")]);
    stream.close();
    const again = open(stored(), path).stream;
    expect(again.head).toBe(2);
    again.close();
    const broken = new DatabaseSync(join(path, "main-0.db"));
    broken.exec("delete from msgs; pragma user_version = 1");
    broken.close();
    const mended = open(stored(), path).stream;
    expect(mended.query({ name: "count", params: {}, start: undefined, limit: undefined }, undefined).rows).toEqual([[2n, 2n]]);
  });

  test("keeps its module and views when another one fails", () => {
    const { stream } = open(stored());
    stream.append("did:plc:a", [post("1")]);
    expect(() => stream.update(stored({ materializer: "insert into nowhere values (1)" }))).toThrow("nowhere");
    stream.append("did:plc:a", [post("2")]);
    expect(stream.query({ name: "count", params: {}, start: undefined, limit: undefined }, undefined).rows).toEqual([[2n, 2n]]);
    stream.update(stored({ queries: [{ name: "twice", sql: "select 2 * count(*) as n from msgs", params: [] }] }));
    expect(stream.query({ name: "twice", params: {}, start: undefined, limit: undefined }, undefined).rows).toEqual([[4n]]);
  });

  test.each([
    ["authorizer", "insert into main.msgs (idx, eid, user) values (9, 'x', 'y')"],
    ["authorizer", "select idx from event"],
    ["materializer", "delete from events.events"],
    ["materializer", "attach ':memory:' as z"],
    ["materializer", "pragma user_version = 9"],
    ["materializer", "commit"],
    ["initSql", "create table state.x (a)"],
    ["initSql", "select load_extension('x')"],
  ] as const)("refuses %s: %s", (part, sql) => {
    expect(() => {
      const { stream } = open(stored({ [part]: sql }));
      stream.append("did:plc:a", [post("1")]);
    }).toThrow();
  });
});
