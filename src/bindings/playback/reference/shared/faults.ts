import type { Patch, Playback } from "../rooms.ts";

/** An update on its way to the members at this replica. */
export interface Arrival {
  readonly roomId: string;
  /** Whether its author is at this replica. */
  readonly isOwn: boolean;
  /** Sockets of the room at this replica. */
  readonly listeners: number;
}

/** The points at which a mutant of shared rooms may act; the rest of the server knows of none. */
export interface SharedFaults {
  /** Calls `send` for an update that is to be told to the members at this replica, now or later. */
  readonly arrive: (arrival: Arrival, send: () => void) => void;
  /** What is sent to the store for an update; `read` gives the room's playback as it is there now. */
  readonly write: (roomId: string, patch: Patch, read: () => Promise<Playback | undefined>) => Patch | Promise<Patch>;
}

/** No fault at all. */
export const SHARED_PRISTINE: SharedFaults = {
  arrive: (_arrival, send) => send(),
  write: (_roomId, patch) => patch,
};
