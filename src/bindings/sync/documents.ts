import type { Marker } from "../../core/marker.ts";
import type { Json } from "../../core/op.ts";
import { hash32 } from "../../core/prng.ts";
import { markText } from "./codec.ts";
import { NOTHING } from "./messages.ts";

/** One replica of a document, as a session needs it. */
export interface Replica {
  /** What this replica has, in the form that `subscribe` takes. */
  versionVector(): Uint8Array;
  /** Makes an edit and gives its update. A marker goes into `log` with it. */
  edit(value: Json, marker: Marker | undefined): Uint8Array;
  /** An update that changes nothing that is shown. */
  touch(): Uint8Array;
  /** Takes updates in, the cheaper the more at once; gives why some could not be read. */
  take(updates: readonly Uint8Array[]): readonly string[];
  /** Canonical text of the document, equal at two replicas if and only if they agree. */
  shown(): string;
}

/** The document model: a port, since it needs what not every engine has. */
export interface Documents {
  /** `peer`: 48 bits that no other replica of the document has. */
  replica(peer: number): Replica;
  /** A name for bytes, equal for equal bytes only. */
  digest(bytes: Uint8Array): string;
}

/** The part of a write's value that its marker's sum covers. */
export function payloadOf(value: Json): string {
  return JSON.stringify(value)
    .replace(/[^ -~]/g, "?")
    .slice(0, 2_000);
}

/**
 * Documents without a model: updates are marks in bytes, a replica is the set of those it has. For runtimes without
 * WebAssembly, tests, and servers that pass updates on without reading them.
 */
export const opaqueDocuments: Documents = {
  replica: (peer) => {
    const have = new Set<string>();
    let count = 0;
    const own = (text: string): Uint8Array => {
      have.add(text);
      return Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 0x7f);
    };
    return {
      versionVector: () => NOTHING,
      edit: (value, marker) => {
        count += 1;
        const payload = payloadOf(value);
        return own(`opaque:${peer}:${count}:${marker === undefined ? payload : markText(marker, payload)}`);
      },
      touch: () => {
        count += 1;
        return own(`opaque:${peer}:${count}:`);
      },
      take: (updates) => {
        for (const update of updates) have.add(Array.from(update, (byte) => String.fromCharCode(byte)).join(""));
        return [];
      },
      shown: () => JSON.stringify([...have].filter((text) => !text.endsWith(":")).sort()),
    };
  },
  digest: (bytes) => {
    let text = "";
    for (let at = 0; at < bytes.length; at += 1) text += String.fromCharCode(bytes[at] ?? 0);
    return `${bytes.length}-${hash32(text).toString(16)}-${hash32(`${text}~`).toString(16)}`;
  },
};
