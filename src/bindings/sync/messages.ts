/** `leaf:` and the Crockford base32 of 32 bytes in lower case; the last character holds one bit. */
const ENTITY_ID = /^leaf:[0-9a-hjkmnp-tv-z]{51}[0g]$/;

/** Client to server. */
export type ClientMessage =
  /** `versionVector`: what the client has, in Loro's own form; one byte 0 for nothing. */
  | { readonly type: "subscribe"; readonly entityId: string; readonly versionVector: Uint8Array }
  | { readonly type: "unsubscribe"; readonly entityId: string }
  /** `update`: a Loro export, an update or a snapshot. */
  | { readonly type: "sendUpdate"; readonly entityId: string; readonly update: Uint8Array };

/** Server to client. */
export interface ServerMessage {
  readonly type: "handleUpdate";
  readonly entityId: string;
  /** For `LoroDoc.import`. */
  readonly update: Uint8Array;
}

/** Whether a text names a document by the protocol. */
export function isEntityId(text: string): boolean {
  return ENTITY_ID.test(text);
}

/** An empty Loro version vector. */
export const NOTHING: Uint8Array = new Uint8Array([0]);
