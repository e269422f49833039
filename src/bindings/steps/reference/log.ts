/** One JSON object a line; only what happens seldom is logged. */
export type Log = (level: "info" | "warn" | "error", event: string, fields?: Readonly<Record<string, unknown>>) => void;

/** A log that writes its lines with `write`. */
export function createLog(write: (line: string) => void): Log {
  return (level, event, fields) => {
    write(`${JSON.stringify({ ts: new Date().toISOString(), level, event, ...fields })}\n`);
  };
}
