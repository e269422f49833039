import { randomInt } from "node:crypto";
import { LoroDoc } from "loro-crdt";
import type { Json } from "../../../core/op.ts";
import type { LabDocument } from "../cases/lab.ts";
import { canonical, takeAll } from "./loro.ts";

/** Updates that an edit does not wait for: taking them in costs less by the dozen. */
const WAITING_MAX = 1_024;

/**
 * A document with a peer of its own. It lies in memory of WebAssembly, which the collector of garbage does not see: who
 * needs it no more frees it.
 */
export function labDocument(): { readonly document: LabDocument; free(): void } {
  const doc = new LoroDoc();
  doc.setPeerId(BigInt(randomInt(1, 2 ** 47)));
  const log = doc.getList("log");
  const text = doc.getText("t");
  const map = doc.getMap("m");
  const waiting: Uint8Array[] = [];
  let unread = 0;
  const settle = (): void => {
    unread += takeAll(doc, waiting.splice(0)).length;
  };
  const change = (act: () => void): Uint8Array => {
    if (waiting.length >= WAITING_MAX) settle();
    const before = doc.version();
    act();
    doc.commit();
    const update = doc.export({ mode: "update", from: before });
    before.free();
    return update;
  };
  const settled = <T>(read: () => T): T => {
    settle();
    return read();
  };
  const document: LabDocument = {
    versionVector: () => settled(() => doc.version().encode()),
    version: () => settled(() => JSON.stringify([...doc.version().toJSON()].toSorted(([left], [right]) => (left < right ? -1 : 1)))),
    push: (name) => change(() => log.push(name)),
    type: (at, letters) => change(() => text.insert(Math.floor(at * text.length), letters)),
    erase: (at, count) =>
      change(() => {
        const from = Math.floor(at * text.length);
        const most = Math.min(count, text.length - from);
        if (most > 0) text.delete(from, most);
        else map.set("erased", 1);
      }),
    set: (key, value) => change(() => map.set(key, value)),
    take: (update) => void waiting.push(update),
    unread: () => settled(() => unread),
    names: () => settled(() => log.toJSON() as string[]),
    json: () => settled(() => canonical({ log: log.toJSON() as Json, t: text.toString(), m: map.toJSON() as Json })),
    textLength: () => settled(() => text.length),
  };
  return { document, free: () => [log, text, map, doc].forEach((each) => each.free()) };
}
