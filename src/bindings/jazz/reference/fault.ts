import type { Broadcast, HubOut, Status, SyncMessage } from "../messages.ts";

/** One connection of the relay, as a fault sees it. */
export interface RelaySocket {
  /** From 1, in the order they came. */
  readonly number: number;
  /** Sends text past every fault. */
  raw(frame: string | Uint8Array): void;
  close(code: number): void;
}

/** What a faulty relay does otherwise. `pass` hands the message on; not calling it drops it. */
export interface RelayFault {
  /** A message of a client, before the node. */
  readonly received?: (message: SyncMessage, socket: RelaySocket, pass: (message: SyncMessage) => void) => void;
  /** A message of the node, before the socket. */
  readonly sending?: (message: SyncMessage, socket: RelaySocket, pass: (message: SyncMessage) => void) => void;
  /** Text that is no message of the protocol. */
  readonly unusable?: (text: string, socket: RelaySocket, all: readonly RelaySocket[]) => void;
  /** Whether the node takes what it cannot verify. */
  readonly believesAll?: boolean;
}

/** A member of a space at the hub. */
export interface HubMember {
  readonly account: string;
  readonly space: string;
}

/** What a faulty hub does otherwise. */
export interface HubFault {
  readonly skipsProof?: boolean;
  readonly skipsMembership?: boolean;
  /** A broadcast to one receiver: what goes out, undefined for nothing. */
  readonly sending?: (message: Broadcast, from: HubMember, to: HubMember) => Broadcast | undefined;
  /** Whether the sending socket hears itself. */
  readonly echoes?: boolean;
  /** Whether typing is ended by the hub. */
  readonly keepsTyping?: boolean;
  /** Whether a socket that went leaves its status behind. */
  readonly keepsPresence?: boolean;
  readonly offlineAtFirstClose?: boolean;
  readonly ready?: (message: Extract<HubOut, { type: "ready" }>) => HubOut;
  readonly status?: (status: Status) => Status | undefined;
  readonly takesUnknownStatus?: boolean;
  /** An unusable frame: gives true when the fault has dealt with it. */
  readonly unusable?: (closeAll: () => void) => boolean;
  /** Whether broadcasts reach all spaces. */
  readonly leaksSpaces?: boolean;
}

/** One deliberate fault. */
export interface Fault {
  readonly relay?: RelayFault;
  readonly hub?: HubFault;
  /** Nothing is kept over a restart. */
  readonly forgets?: true;
}
