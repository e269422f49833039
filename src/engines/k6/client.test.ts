import { describe, expect, it } from "vitest";
import type { Session } from "../../core/session.ts";
import { K6Client, type K6Socket } from "./client.ts";

class FakeSocket implements K6Socket {
  binaryType = "blob";
  readyState = 0;
  onopen: K6Socket["onopen"] = null;
  onmessage: K6Socket["onmessage"] = null;
  onerror: K6Socket["onerror"] = null;
  onclose: K6Socket["onclose"] = null;
  readonly sent: (string | ArrayBuffer)[] = [];
  readonly closes: unknown[] = [];
  send(data: string | ArrayBuffer): void {
    this.sent.push(data);
  }
  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
}

function setUp(over: Partial<Session> = {}): { client: K6Client; socket: FakeSocket; told: unknown[]; faults: unknown[] } {
  const socket = new FakeSocket();
  const told: unknown[] = [];
  const faults: unknown[] = [];
  const session: Session = {
    start: (_nowMs, out) => out.connect("/rooms/1/ws", ["p"], {}),
    opened: (_nowMs, out) => out.send(Uint8Array.of(9, 1, 2, 9).subarray(1, 3)),
    frame: (frame) => told.push(frame),
    expected: () => undefined,
    reply: (tag, answer) => told.push([tag, answer]),
    closed: (code, reason) => told.push([code, reason]),
    invoke: (_op, _nowMs, out) => out.close(4000, "bye"),
    wake: () => undefined,
    ...over,
  };
  const client = new K6Client(
    {
      session,
      url: "http://server",
      headers: {},
      ca: undefined,
      alarms: { create: () => ({ set: () => undefined }), stop: () => undefined },
      credential: () => Promise.reject(new Error("none")),
      http: () => Promise.resolve({ failure: "none" }),
      observe: () => undefined,
      slot: 0,
    },
    {
      nowMs: () => 0,
      socket: (url) => {
        told.push(url);
        return socket;
      },
      received: () => undefined,
      fault: (error) => faults.push(error),
    },
  );
  return { client, socket, told, faults };
}

describe("a client in a VU", () => {
  it("connects, sends the bytes that it was given and no others, and hands frames to the session", () => {
    const { client, socket, told } = setUp();
    client.start();
    socket.open();
    expect(new Uint8Array(socket.sent[0] as ArrayBuffer)).toEqual(Uint8Array.of(1, 2));
    socket.onmessage?.({ data: "text", timestamp: 0 });
    socket.onmessage?.({ data: Uint8Array.of(7).buffer, timestamp: 0 });
    expect(told).toEqual(["ws://server/rooms/1/ws", "text", Uint8Array.of(7)]);
    client.invoke({ kind: "leave", id: 1, plannedMs: 0 });
    expect(socket.closes).toEqual([[4000, "bye"]]);
  });

  it("does not close a socket that connects, which would block the VU, but as soon as it is open", () => {
    const { client, socket } = setUp();
    client.start();
    client.stop();
    expect(socket.closes).toEqual([]);
    socket.open();
    expect(socket.closes).toHaveLength(1);
  });

  it("takes an end without a code for 1006, and one before the opening for a refusal", () => {
    const opened = setUp();
    opened.client.start();
    opened.socket.open();
    opened.socket.onclose?.({});
    expect(opened.told.at(-1)).toEqual([1006, ""]);
    const refused = setUp();
    refused.client.start();
    refused.socket.onerror?.({ error: "bad handshake" });
    refused.socket.onclose?.({});
    expect(refused.told.at(-1)).toEqual(["connect", { failure: "bad handshake", status: 0 }]);
  });

  it("tells a fault of our own, which k6 would blame on the server", () => {
    const fault = new Error("ours");
    const { client, socket, faults } = setUp({
      frame: () => {
        throw fault;
      },
    });
    client.start();
    socket.open();
    socket.onmessage?.({ data: "x", timestamp: 0 });
    expect(faults).toEqual([fault]);
  });
});
