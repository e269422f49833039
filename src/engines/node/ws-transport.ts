import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { WebSocket } from "ws";
import {
  CLOSE_MS_MAX,
  type ConnectOptions,
  FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
  PINGS_PER_SECOND_MAX,
  SEND_BUFFER_BYTES_MAX,
  type Transport,
} from "./transport.ts";
import type { Via } from "./surroundings.ts";

/** A connection to another address than the URL's; the certificate is held against the URL's host all the same. */
function dial(via: Via, { url, ca, localAddress }: ConnectOptions): Socket {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const common = { host: via.host, port: via.port, ...(localAddress === undefined ? {} : { localAddress }) };
  if (!url.startsWith("wss:")) return connectPlain(common);
  return connectSecure({ ...common, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) });
}

/** WebSocket by `ws`, without permessage-deflate (it costs four times the processor time). */
export const wsTransport: Transport = {
  connect(options, events) {
    let state: "connecting" | "open" | "over" = "connecting";
    let pings = 0;
    let pingsSinceMs = 0;
    /** Why the socket was ended, when it was not by a close frame. */
    let fault = "";
    const { via } = options;
    const socket = new WebSocket(options.url, [...options.protocols], {
      perMessageDeflate: false,
      headers: { ...options.headers },
      handshakeTimeout: HANDSHAKE_MS_MAX,
      maxPayload: FRAME_BYTES_MAX,
      followRedirects: false,
      // With one comma and one blank, as browsers write it: some servers split at nothing else.
      finishRequest: (request) => {
        if (options.protocols.length > 0) request.setHeader("sec-websocket-protocol", options.protocols.join(", "));
        request.end();
      },
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      ...(via === undefined ? {} : { createConnection: () => dial(via, options) }),
    });
    const refuse = (status: number, text: string): void => {
      if (state !== "connecting") return;
      state = "over";
      events.refused(status, text);
    };
    socket.on("open", () => {
      if (state !== "connecting") return;
      state = "open";
      events.opened();
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (state === "open" && !events.expects(data, 0, data.length, !isBinary)) events.frame(data, 0, data.length, !isBinary);
    });
    socket.on("ping", () => {
      const nowMs = performance.now();
      if (nowMs - pingsSinceMs > 1000) {
        pings = 0;
        pingsSinceMs = nowMs;
      }
      pings += 1;
      if (pings <= PINGS_PER_SECOND_MAX) return;
      fault = `more than ${PINGS_PER_SECOND_MAX} pings a second`;
      socket.terminate();
    });
    socket.on("unexpected-response", (request, response) => {
      response.destroy();
      request.destroy();
      refuse(response.statusCode ?? 0, response.statusMessage ?? "");
    });
    socket.on("error", (error) => {
      fault = error.message;
      refuse(0, error.message);
    });
    socket.on("close", (code, reason) => {
      refuse(0, "closed before the upgrade was answered");
      if (state !== "open") return;
      state = "over";
      events.closed(code, reason.length === 0 ? fault : reason.toString("utf8"));
    });
    return {
      send(frame) {
        if (socket.readyState !== WebSocket.OPEN) return;
        if (socket.bufferedAmount > SEND_BUFFER_BYTES_MAX) {
          fault = "it does not read what it is sent";
          socket.terminate();
        } else socket.send(frame);
      },
      close(code, reason) {
        if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
        else socket.close(code, reason);
        setTimeout(() => socket.readyState !== WebSocket.CLOSED && socket.terminate(), CLOSE_MS_MAX).unref();
      },
      cut() {
        socket.terminate();
      },
    };
  },
};
