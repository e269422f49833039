import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** What a process has used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

/** Ticks of the kernel's processor times a second, on every Linux of today. */
const TICKS_PER_SECOND = 100;

/** Reads `/proc`; undefined where there is none, or no such process. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Behind the name, which may hold anything: state is field 3, utime 14, stime 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const resident = /^VmRSS:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return {
      cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND,
      residentBytes: Number(resident?.[1] ?? 0) * 1024,
    };
  } catch {
    return undefined;
  }
}

/** Share of all cores that a process of many threads took between two looks: 1 is a machine that has no more to give. */
export function shareOfMachine(from: Usage | undefined, to: Usage | undefined, wallMs: number): number {
  if (from === undefined || to === undefined) return 0;
  return (to.cpuMs - from.cpuMs) / Math.max(1, wallMs) / availableParallelism();
}
