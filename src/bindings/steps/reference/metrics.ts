import { Counter, Gauge, Registry } from "prom-client";

/** Counters of the process (X-9 and this protocol's own). */
export interface Metrics {
  readonly registry: Registry;
  readonly connections: Counter;
  readonly messagesIn: Counter;
  readonly messagesOut: Counter;
  readonly errors: Counter<"code">;
  readonly accepted: Counter<"room">;
  readonly refused: Counter<"room" | "code">;
}

/** What is looked at only when somebody asks. */
export interface Shown {
  readonly connections: () => number;
  readonly rooms: () => Iterable<{ readonly id: string; readonly version: number; readonly members: number }>;
}

/** Rooms with labels of their own: more would make the answer longer than it is useful. */
const ROOMS_SHOWN_MAX = 1_000;

/** Metrics of one server. */
export function createMetrics(shown: Shown): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, collect: (this: Gauge) => void): Gauge => new Gauge({ name, help, registers, collect });
  gauge("connections_open", "Open sockets", function () {
    this.set(shown.connections());
  });
  gauge("rooms_open", "Rooms with a document", function () {
    this.set([...shown.rooms()].length);
  });
  gauge("process_resident_bytes", "Resident memory", function () {
    this.set(process.memoryUsage.rss());
  });
  const labelled = (name: string, help: string, of: (room: { version: number; members: number }) => number): Gauge<"room"> =>
    new Gauge({
      name,
      help,
      labelNames: ["room"],
      registers,
      collect() {
        this.reset();
        for (const room of [...shown.rooms()].slice(-ROOMS_SHOWN_MAX)) this.set({ room: room.id }, of(room));
      },
    });
  labelled("room_version", "Steps accepted of a room", ({ version }) => version);
  labelled("room_members", "Users of a room", ({ members }) => members);
  return {
    registry,
    connections: new Counter({ name: "connections_total", help: "Sockets ever", registers }),
    messagesIn: new Counter({ name: "messages_in_total", help: "Frames received", registers }),
    messagesOut: new Counter({ name: "messages_out_total", help: "Frames sent", registers }),
    errors: new Counter({ name: "errors_total", help: "Errors sent", labelNames: ["code"], registers }),
    accepted: new Counter({ name: "steps_accepted_total", help: "Steps accepted", labelNames: ["room"], registers }),
    refused: new Counter({ name: "steps_refused_total", help: "Steps refused", labelNames: ["room", "code"], registers }),
  };
}
