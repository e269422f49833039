/** One line of the log; never a credential, never a URL with its query. */
export interface LogFields {
  readonly conn?: number;
  readonly did?: string;
  readonly room?: string;
  readonly reason?: string;
  readonly ms?: number;
  readonly [field: string]: unknown;
}

export type Log = (level: "info" | "warn" | "error", event: string, fields?: LogFields) => void;

/** One JSON object a line. Only what happens seldom is logged: a pipe to a busy parent would block the server. */
export function createLog(write: (line: string) => void): Log {
  return (level, event, fields) => {
    write(`${JSON.stringify({ ts: new Date().toISOString(), level, event, ...fields })}\n`);
  };
}
