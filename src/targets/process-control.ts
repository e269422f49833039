import type { Child } from "./child.ts";
import type { RunningTarget, TargetProcess } from "./types.ts";

/** A process that we started and can start anew, and how it ended where that was not our doing. */
export interface Controlled extends Pick<RunningTarget, "exited" | "stop"> {
  readonly process: TargetProcess;
}

/** Takes control of a process that runs; `start` gives the one that takes its place, once that is ready. */
export function controlled(first: Child, start: () => Promise<Child>): Controlled {
  let child = first;
  let isOnPurpose = false;
  const stop = async (): Promise<void> => {
    isOnPurpose = true;
    await child.stop();
  };
  const kill = (): void => {
    isOnPurpose = true;
    child.signal("SIGKILL");
  };
  const control: TargetProcess = {
    get pid() {
      return child.pid;
    },
    restart: async (how = "politely") => {
      await control.end(how);
      await control.begin();
    },
    end: async (how) => {
      if (how === "killed") kill();
      await stop();
    },
    begin: async () => {
      child = await start();
      isOnPurpose = false;
    },
    freeze: () => child.signal("SIGSTOP"),
    thaw: () => child.signal("SIGCONT"),
    kill,
    logs: () => child.logs(),
  };
  return { process: control, exited: () => (isOnPurpose ? undefined : child.exited()), stop };
}
