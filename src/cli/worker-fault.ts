import { HarnessError } from "../core/errors.ts";

/** A mistake or a fault as data, to cross between processes. */
export interface WorkerFault {
  readonly code: HarnessError["code"];
  readonly message: string;
  readonly hint: string | undefined;
}

/** An error as data; what is no HarnessError is a fault of ours and brings its stack. */
export function faultOf(error: unknown): WorkerFault {
  if (error instanceof HarnessError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "internal", message: error instanceof Error ? (error.stack ?? error.message) : String(error), hint: undefined };
}

/** The error again, on the other side. */
export function errorOf(fault: WorkerFault): HarnessError {
  return new HarnessError(fault.code, fault.message, fault.hint === undefined ? {} : { hint: fault.hint });
}
