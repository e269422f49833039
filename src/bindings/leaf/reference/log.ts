/** One line of the log; never a token, never a payload. */
export interface LogFields {
  readonly did?: string;
  readonly reason?: string;
  readonly [field: string]: unknown;
}

export type Log = (level: "info" | "warn" | "error", event: string, fields?: LogFields) => void;

/** One JSON object a line. Only what happens seldom is logged: a pipe to a busy parent would block the server. */
export function createLog(write: (line: string) => void): Log {
  return (level, event, fields) => write(`${JSON.stringify({ ts: new Date().toISOString(), level, event, ...fields })}\n`);
}
