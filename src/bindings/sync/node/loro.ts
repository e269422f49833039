import { createHash } from "node:crypto";
import { LoroDoc, type Value } from "loro-crdt";
import { markerSum } from "../../../core/marker.ts";
import type { Json } from "../../../core/op.ts";
import { markText } from "../codec.ts";
import { type Documents, payloadOf, type Replica } from "../documents.ts";
import { readEdit } from "../operations.ts";

/** Field of the map that a touch sets and takes away again. */
const TOUCHED = "~";

/** A Loro document with the roots of case and load documents (Y-18): list `log`, text `t`, map `m`. */
export function loroReplica(peer: number, doc: LoroDoc = new LoroDoc()): Replica & { readonly doc: LoroDoc } {
  doc.setPeerId(BigInt(peer));
  const log = doc.getList("log");
  const text = doc.getText("t");
  const map = doc.getMap("m");
  const exported = (before: ReturnType<LoroDoc["version"]>): Uint8Array => {
    doc.commit();
    const update = doc.export({ mode: "update", from: before });
    before.free();
    return update;
  };
  const version = (): Uint8Array => {
    const vector = doc.version();
    const bytes = vector.encode();
    vector.free();
    return bytes;
  };
  return {
    doc,
    versionVector: version,
    edit: (value, marker) => {
      const before = doc.version();
      const edit = readEdit(value);
      switch (edit.do) {
        case "type":
          text.insert(Math.floor(edit.at * text.length), edit.text);
          break;
        case "erase": {
          const at = Math.floor(edit.at * text.length);
          const count = Math.min(edit.count, text.length - at);
          if (count > 0) text.delete(at, count);
          break;
        }
        case "set":
          map.set(edit.key, edit.to as Value);
      }
      if (marker !== undefined) {
        const { run, author, n } = marker;
        const payload = payloadOf(value);
        log.push({ run, author, n, sum: markerSum(run, author, n, payload), mark: markText(marker, payload) });
      }
      return exported(before);
    },
    touch: () => {
      const before = doc.version();
      map.set(TOUCHED, 1);
      map.delete(TOUCHED);
      return exported(before);
    },
    take: (updates) => takeAll(doc, updates),
    shown: () => sha256(canonical({ log: log.toJSON() as Json, t: text.toString(), m: map.toJSON() as Json })),
  };
}

/**
 * Bytes of updates taken in as one. What a document takes in while it holds edits that the update does not know costs time
 * by the document, so that 2,000 short edits of 40 authors take 30 to 200 s one by one and 0.3 s by the hundred. Of long
 * texts a batch takes time by the square of their length: 50 of 20,000 characters 20 s, and 0.02 s one by one; a batch of
 * this size 0.1 s (loro-crdt 1.17).
 */
const BATCH_BYTES_MAX = 65_536;

/** Takes updates in, by the batch; gives why some could not be read. */
export function takeAll(doc: LoroDoc, updates: readonly Uint8Array[]): readonly string[] {
  const problems: string[] = [];
  let batch: Uint8Array[] = [];
  let bytes = 0;
  const flush = (): void => {
    takeBatch(doc, batch, problems);
    batch = [];
    bytes = 0;
  };
  for (const update of updates) {
    if (bytes + update.length > BATCH_BYTES_MAX) flush();
    batch.push(update);
    bytes += update.length;
  }
  flush();
  return problems;
}

/** A bad update among many is looked for only when there is one, by halves. */
function takeBatch(doc: LoroDoc, updates: Uint8Array[], problems: string[]): void {
  const [first] = updates;
  if (first === undefined) return;
  try {
    if (updates.length === 1) doc.import(first);
    else doc.importBatch(updates);
  } catch (error) {
    if (updates.length === 1) {
      problems.push(error instanceof Error ? error.message : String(error));
      return;
    }
    const middle = Math.ceil(updates.length / 2);
    takeBatch(doc, updates.slice(0, middle), problems);
    takeBatch(doc, updates.slice(middle), problems);
  }
}

/** JSON text with the fields of every map in the order of their names. */
export function canonical(value: Json): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : each,
  );
}

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Documents by loro-crdt, which is WebAssembly and so runs in Node only. */
export const loroDocuments: Documents = { replica: (peer) => loroReplica(peer), digest: sha256 };
