import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sqlFaultsOf } from "../faulty/index.ts";
import type { FromSql, ToSql } from "./messages.ts";
import { readModule, type StoredModule } from "./module.ts";
import { encodeRows } from "./rows.ts";
import { Stream } from "./stream.ts";
import { Subscriptions, textOf } from "./subscriptions.ts";

/**
 * A process that runs the SQL of some streams. SQL comes from outside and SQLite can not be interrupted: whoever
 * started this process ends it when it no longer answers.
 */
const folder = process.env["DATA_DIR"] ?? "";
const faults = sqlFaultsOf(process.env["MUTANT"] ?? "");

/** Each holds six files and half a megabyte; those that nobody has used for longest are closed. */
const STREAMS_OPEN_MAX = 400;
const BEAT_MS = 500;

const modules = new Map<string, StoredModule>();
const streams = new Map<string, Stream>();

function loadModule(cid: string): StoredModule {
  let found = modules.get(cid);
  if (found === undefined) modules.set(cid, (found = readModule(readFileSync(join(folder, "modules", `${cid}.cbor`)))));
  return found;
}

function streamOf(did: string, moduleCid?: string): Stream {
  const known = streams.get(did);
  if (known !== undefined) return known;
  const stream = new Stream(did, join(folder, "streams", did.replaceAll(":", "_")), loadModule, moduleCid, faults);
  streams.set(did, stream);
  if (streams.size > STREAMS_OPEN_MAX) {
    for (const [oldest, idle] of streams) {
      if (oldest === did || subscriptions.has(oldest)) continue;
      streams.delete(oldest);
      idle.close();
      break;
    }
  }
  return stream;
}

const subscriptions = new Subscriptions((did) => streamOf(did), faults);

function tell(message: FromSql): void {
  process.send?.(message);
}

/** `{ Ok: null }` is what no result stands for. */
function perform(message: Exclude<Extract<ToSql, { readonly id: number }>, { readonly kind: "subscribe" }>): Uint8Array | undefined {
  const { did } = message;
  switch (message.kind) {
    case "create":
      try {
        streamOf(did, message.moduleCid);
      } catch (error) {
        streams.delete(did);
        throw error;
      }
      return undefined;
    case "append":
      streamOf(did).append(message.user, message.payloads);
      if (message.payloads.length > 0) subscriptions.news(did);
      return undefined;
    case "appendState":
      streamOf(did).appendState(message.user, message.payloads);
      subscriptions.news(did);
      return undefined;
    case "clearState":
      streamOf(did).clearState();
      subscriptions.news(did);
      return undefined;
    case "update":
      streamOf(did).update(loadModule(message.moduleCid));
      subscriptions.news(did);
      return undefined;
    case "query": {
      const { columns, rows } = streamOf(did).query(message.request, message.user);
      return encodeRows(columns, faults.answered(rows, message.request.name, message.request.limit));
    }
  }
}

/** All places for windows of those who catch up are taken: looked at again after this. */
const PLACE_MS = 5;

let isTurning = false;
let later: NodeJS.Timeout | undefined;

function turn(): void {
  isTurning = false;
  later = undefined;
  const items = subscriptions.isReady(performance.now()) ? subscriptions.turn(() => performance.now()) : [];
  if (items.length > 0) tell({ kind: "news", items });
  turnSoon();
}

/** Whatever has become ready meanwhile does not wait for the rest. */
function turnSoon(): void {
  if (isTurning || subscriptions.isIdle) return;
  if (subscriptions.isReady(performance.now())) {
    clearTimeout(later);
    isTurning = true;
    setImmediate(turn);
  } else later ??= setTimeout(turn, PLACE_MS);
}

process.on("message", (message: ToSql) => {
  if (message.kind === "credit") subscriptions.credit(message.subscriptions);
  else if (message.kind === "end") subscriptions.end(message.subscription);
  else {
    try {
      if (message.kind === "subscribe") {
        const { id } = message;
        subscriptions.add(message.did, message, (refusal) =>
          tell({ kind: "answer", id, ...(refusal === undefined ? {} : { error: refusal.message }) }),
        );
        turnSoon();
        return;
      }
      const result = perform(message);
      tell({ kind: "answer", id: message.id, ...(result === undefined ? {} : { result }) });
    } catch (error) {
      tell({ kind: "answer", id: message.id, error: textOf(error) });
    }
  }
  turnSoon();
});

process.on("disconnect", () => process.exit(0));
// The terminal sends Ctrl-C to the whole group; the server decides when this process ends.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
setInterval(() => tell({ kind: "beat" }), BEAT_MS);
tell({ kind: "ready" });
