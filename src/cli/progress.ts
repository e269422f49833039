import { styleText } from "node:util";

/** Where a command says how far it is; results go elsewhere. */
export interface Progress {
  /** A line that stays. */
  line(text: string): void;
  /** How far it is: redrawn in place in a terminal; when piped, a line at most every 5 s. */
  status(text: string): void;
  /** Clears the status. */
  end(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAW_MS_MIN = 100;
const LINE_MS_MIN = 5_000;

/** Progress on a stream, in the manner that the stream allows. */
export function createProgress(output: Output, nowMs: () => number = () => performance.now()): Progress {
  let shownMs = -Infinity;
  let isDrawn = false;
  const isTerminal = output.isTTY === true;
  const clear = (): void => {
    if (isDrawn) output.write("\r\u001b[2K");
    isDrawn = false;
  };
  return {
    line: (text) => {
      clear();
      output.write(`${text}\n`);
    },
    status: (text) => {
      const now = nowMs();
      if (now - shownMs < (isTerminal ? REDRAW_MS_MIN : LINE_MS_MIN)) return;
      shownMs = now;
      if (isTerminal) {
        clear();
        output.write(text.slice(0, (output.columns ?? 80) - 1));
        isDrawn = true;
      } else output.write(`${text}\n`);
    },
    end: clear,
  };
}

/** Whether colours belong on stdout: a terminal, and NO_COLOR not set (https://no-color.org). */
export function wantsColour(): boolean {
  return process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
}

/** Bold where colours are wanted. */
export function bold(text: string): string {
  return wantsColour() ? styleText("bold", text) : text;
}
