import type { ResolvedTarget } from "../core/target.ts";
import { status } from "./network.ts";

/** When a server in a container counts as started. */
export interface Ready {
  readonly http?: string | undefined;
  readonly ws?: string | undefined;
  readonly withinMs: number;
}

/**
 * Whether a server speaks: to a GET of `http` with 2xx, to a WebSocket opening handshake at `ws` with any answer; when
 * neither is named, to a handshake at its base with any answer. A connection alone says nothing: the engine's own
 * forwarder takes it before the server listens.
 */
export async function answersHandshake(url: string, { http, ws }: Ready, target: Pick<ResolvedTarget, "ca" | "headers">): Promise<boolean> {
  const options = { ca: target.ca, headers: target.headers };
  if (http !== undefined) {
    const code = await status(url + http, { ...options, upgrade: false });
    if (code < 200 || code > 299) return false;
  }
  if (ws !== undefined || http === undefined) return (await status(url + (ws ?? "/"), { ...options, upgrade: true })) !== 0;
  return true;
}
