/** Fields of a line; never a token, a JWT or a URL with one. */
export interface LogFields {
  readonly conn?: number;
  readonly did?: string;
  readonly reason?: string;
  readonly ms?: number;
  readonly [field: string]: unknown;
}

export type Log = (level: "info" | "warn" | "error", event: string, fields?: LogFields) => void;

/** One JSON object a line. */
export function createLog(write: (line: string) => void): Log {
  return (level, event, fields) => {
    write(`${JSON.stringify({ ts: new Date().toISOString(), level, event, ...fields })}\n`);
  };
}
