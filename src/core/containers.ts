/** A container of a target's stack. */
export interface TargetContainer {
  /** Its service in the compose file (`playback-1`); the target's name for an image. */
  readonly name: string;
  /** As the engine names it. */
  readonly id: string;
  /** `replica`: a server under test · `dependency`: what one of them needs, such as a database. */
  readonly role: "replica" | "dependency";
  /** Networks it is on, without the stack's prefix: `clients`, `store`. */
  readonly networks: readonly string[];
}

/** How much of the machine a container may use; what is left out has no limit of ours. */
export interface ContainerLimits {
  /** Whole and parts of cores. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

/**
 * What can be done to the containers of one target, each named by its id. A container that ended through one of these
 * calls counts as ended on purpose: `RunningTarget.exited()` tells of the others only. Every call throws a
 * `HarnessError` `internal` with the engine's own words when the engine refuses.
 */
export interface ContainerEngine {
  /** All its processes stand still; what is sent to it waits. */
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  /** Ends it without farewell; resolves once it has ended. */
  kill(id: string): Promise<void>;
  /** SIGTERM, then SIGKILL after `withinMs` (default 10,000); resolves once it has ended. */
  stop(id: string, withinMs?: number): Promise<void>;
  /** Starts a container that has ended, at the same address; a replica is waited for until it answers a handshake. */
  start(id: string): Promise<void>;
  /** Takes it off a network (name without the stack's prefix); what it has published elsewhere stays reachable. */
  disconnect(id: string, network: string): Promise<void>;
  /** Puts it back, with the names that others know it by. */
  connect(id: string, network: string): Promise<void>;
  /** Replaces its limits; what is left out goes back to what it was started with. */
  squeeze(id: string, limits: ContainerLimits): Promise<void>;
  /** The last 64 KiB of what it wrote, also after it has ended. */
  logs(id: string): string;
}
