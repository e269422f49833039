import { type CborValue, cidText, cid as cidOf, decodeCbor, isMap } from "../../dag-cbor.ts";
import { createHash } from "node:crypto";
import { type ModuleParameter, MODULE_TYPE } from "../../messages.ts";

export interface StoredQuery {
  readonly name: string;
  readonly sql: string;
  readonly params: readonly ModuleParameter[];
}

/** A module as the server runs it: absent defaults filled in. */
export interface StoredModule {
  readonly cid: string;
  readonly initSql: string;
  readonly authorizer: string;
  readonly materializer: string;
  readonly stateInitSql: string;
  readonly stateMaterializer: string;
  readonly queries: readonly StoredQuery[];
}

const KINDS: readonly ModuleParameter["kind"][] = ["integer", "real", "text", "blob", "any"];

/** A module from its deterministic encoding, whose hash is its id. @throws Error when it is none. */
export function readModule(bytes: Uint8Array): StoredModule {
  const decoded = decodeCbor(bytes);
  if (!decoded.ok) throw new Error(`the module is no DRISL: ${decoded.problem}`);
  const map = decoded.value;
  if (!isMap(map) || map["$type"] !== MODULE_TYPE) throw new Error(`a module has the $type ${MODULE_TYPE}`);
  const sql = (name: string, otherwise?: string): string => {
    const value = map[name] ?? otherwise;
    if (typeof value !== "string") throw new Error(`missing field \`${name}\``);
    return value;
  };
  return {
    cid: moduleCid(bytes),
    initSql: sql("initSql"),
    authorizer: sql("authorizer"),
    materializer: sql("materializer"),
    stateInitSql: sql("stateInitSql", ""),
    stateMaterializer: sql("stateMaterializer", ""),
    queries: listOf(map["queries"], "queries").map(readQuery),
  };
}

function listOf(value: CborValue | undefined, name: string): readonly CborValue[] {
  if (!Array.isArray(value)) throw new Error(`missing field \`${name}\``);
  return value as readonly CborValue[];
}

function readQuery(form: CborValue): StoredQuery {
  const { name, sql, params } = isMap(form) ? form : {};
  if (typeof name !== "string" || typeof sql !== "string") throw new Error("a query has a name and sql");
  return { name, sql, params: listOf(params, "params").map(readParameter) };
}

function readParameter(form: CborValue): ModuleParameter {
  const { name, kind: given, optional } = isMap(form) ? form : {};
  const kind = KINDS.find((known) => known === given);
  if (typeof name !== "string" || kind === undefined || typeof optional !== "boolean")
    throw new Error("a parameter has a name, a kind and optional");
  return { name, kind, optional };
}

/** CID v1, DAG-CBOR, SHA-256. */
export function moduleCid(bytes: Uint8Array): string {
  return cidText(cidOf(Buffer.concat([Buffer.from([0x01, 0x71, 0x12, 0x20]), createHash("sha256").update(bytes).digest()])));
}
