import { WebSocket } from "ws";
import type { RawSocket } from "../cases/kit.ts";
import type { Frame } from "../../../core/session.ts";

const OPEN_MS_MAX = 5_000;
const PING_MS_MAX = 1_000;

/** Opens a socket for a case; undefined when it is refused or takes too long. */
export async function openSocket(url: string, heard: (frame: Frame) => void): Promise<RawSocket | undefined> {
  const ws = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: OPEN_MS_MAX });
  let closeCode: number | undefined;
  ws.on("message", (data: Buffer, isBinary: boolean) => heard(isBinary ? new Uint8Array(data) : data.toString("utf8")));
  ws.on("close", (code) => {
    closeCode = code;
  });
  const isOpen = await new Promise<boolean>((resolve) => {
    ws.once("open", () => resolve(true));
    ws.once("error", () => resolve(false));
  });
  ws.on("error", () => undefined);
  if (!isOpen) return undefined;
  return {
    send: (frame) => {
      if (ws.readyState === WebSocket.OPEN) ws.send(frame);
    },
    close: (code) => ws.close(code),
    reset: () => {
      // The library keeps its socket to itself; a reset cannot be had otherwise.
      const inner = (ws as unknown as { readonly _socket?: { resetAndDestroy(): void } })._socket;
      if (inner === undefined) ws.terminate();
      else inner.resetAndDestroy();
    },
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    ping: () =>
      new Promise((resolve) => {
        const fromMs = performance.now();
        const timer = setTimeout(() => resolve(undefined), PING_MS_MAX);
        ws.once("pong", () => {
          clearTimeout(timer);
          resolve(performance.now() - fromMs);
        });
        ws.ping();
      }),
    get isOpen() {
      return ws.readyState === WebSocket.OPEN;
    },
    get closeCode() {
      return closeCode;
    },
  };
}
