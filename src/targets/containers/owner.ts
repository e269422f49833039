import { createHash, randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** On networks, containers and volumes of ours that no compose project owns; its value is the stack's name. */
export const STACK_LABEL = "dev.rollcall.stack";

/** What Compose puts on everything it makes; its value is the stack's name. */
export const PROJECT_LABEL = "com.docker.compose.project";

const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 6);

/** Every stack's name begins so, and tells who it belongs to: that is how those that were left behind are found. */
const NAME = /^rollcall-(?:run-(?<host>[0-9a-f]{6})-(?<pid>\d+)|up)-[a-z0-9_-]+$/;

/** Name of a stack that ends with this process. */
export function runName(pid: number = process.pid): string {
  return `rollcall-run-${HOST}-${pid}-${randomBytes(3).toString("hex")}`;
}

/** Name of a stack that stays until `rollcall down`. */
export function upName(name: string): string {
  return `rollcall-up-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
}

/** Whether a stack is ours at all. */
export function isOurs(name: string): boolean {
  return NAME.test(name);
}

/** Whether a stack is ours, was made on this machine by a run, and that run is over. */
export function isOrphan(name: string, isAlive: (pid: number) => boolean = isRunning): boolean {
  const groups = NAME.exec(name)?.groups;
  return groups?.["host"] === HOST && groups["pid"] !== undefined && !isAlive(Number(groups["pid"]));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
