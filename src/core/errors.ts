/** What went wrong on our side of the wire; decides the exit code. */
export type HarnessErrorCode =
  | "usage" // a flag, a file or a value from the user: exit 2
  | "unreachable" // the target was never reached or started: exit 3
  | "internal"; // our bug or a set-up fault: exit 5

/**
 * Our bug, the user's mistake or a set-up that failed. Never blamed on the target: what a target does wrong is an
 * observation and becomes a verdict. `hint` says what to do next.
 */
export class HarnessError extends Error {
  override readonly name = "HarnessError";
  readonly code: HarnessErrorCode;
  readonly hint: string | undefined;

  constructor(code: HarnessErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Marks a branch that types prove to be dead. */
export function unreachable(value: never): never {
  throw new HarnessError("internal", `unreachable value ${JSON.stringify(value)}`);
}
