/** Opcodes that are in use (RFC 6455 §5.2). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Close codes that this room gives or reads by itself (RFC 6455 §7.4.1). */
export const CLOSE = { protocolError: 1002, absent: 1005, abnormal: 1006, notUtf8: 1007, tooBig: 1009 } as const;

/** Payload of a control frame at most (RFC 6455 §5.5). */
export const CONTROL_BYTES_MAX = 125;

/** What a peer did against the protocol: the connection ends, and `closeCode` is what the peer is told. Never thrown. */
export interface Fault {
  readonly closeCode: number;
  /** What was wrong, with its paragraph of RFC 6455. */
  readonly text: string;
}

/**
 * Whether a close frame may carry this code (RFC 6455 §7.4 and the registry at IANA): 1004, 1005, 1006 and 1015 are
 * never sent, 1016 to 2999 are not given out, 3000 to 4999 belong to libraries and applications.
 */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== CLOSE.absent && code !== CLOSE.abnormal;
}
