import { readdirSync, readFileSync } from "node:fs";

/** One process of a tree, as the kernel sees it (proc(5)). */
export interface ProcessFigures {
  readonly pid: number;
  /** Its arguments, separated by blanks. */
  readonly command: string;
  /** User and system time since it began. */
  readonly cpuMs: number;
  readonly residentBytes: number;
}

/** The kernel counts processor time in hundredths of a second for user space (USER_HZ), whatever its own tick. */
const TICK_MS = 10;
const PAGE_BYTES = 4096;

/** Fields after the command's closing bracket: ppid is the 2nd, utime and stime are the 12th and 13th. */
const FIELD = { parent: 1, user: 11, system: 12 } as const;

function statOf(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/**
 * A process and all that it has started and that still lives. Linux only.
 * @throws Error elsewhere.
 */
export function treeOf(root: number): readonly ProcessFigures[] {
  if (process.platform !== "linux") throw new Error("processes are measured by /proc, which only Linux has");
  const stats = new Map<number, readonly string[]>();
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (stat === undefined) continue;
    stats.set(pid, stat);
    const parent = Number(stat[FIELD.parent]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found: ProcessFigures[] = [];
  const open = [root];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    open.push(...(children.get(pid) ?? []));
    const stat = stats.get(pid);
    if (stat === undefined) continue;
    found.push({
      pid,
      command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim(),
      cpuMs: (Number(stat[FIELD.user]) + Number(stat[FIELD.system])) * TICK_MS,
      residentBytes: Number(read(`/proc/${pid}/statm`).split(" ")[1] ?? 0) * PAGE_BYTES,
    });
  }
  return found;
}

/** Processor time of the second tree since the first; processes that have ended between the two are left out. */
export function cpuMsBetween(from: readonly ProcessFigures[], to: readonly ProcessFigures[]): number {
  const before = new Map(from.map(({ pid, cpuMs }) => [pid, cpuMs]));
  return to.reduce((sum, { pid, cpuMs }) => sum + cpuMs - (before.get(pid) ?? 0), 0);
}

export function residentBytesOf(tree: readonly ProcessFigures[]): number {
  return tree.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
}

/** Processor time that all processes of the machine have had since it began; that of interrupts belongs to none. */
export function machineCpuMs(): number {
  const [user, nice, system] = (read("/proc/stat").split("\n", 1)[0] ?? "").split(/ +/).slice(1).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0)) * TICK_MS;
}
