import fc from "fast-check";
import type { Detail, Observation } from "../../core/observation.ts";

/**
 * Small histories of a server with faults: a few clients join, leave, are cut and write; each delivery may be dropped,
 * doubled, damaged, held back or led astray. Times rise by whole 10 ms, so that ties do not hide anything.
 */
interface Shape {
  readonly rooms: number;
  readonly clients: number;
  readonly echo: boolean;
  readonly steps: number;
  /** Chance of each fault, in percent; 0 gives a true server. */
  readonly faultPercent: number;
}

type Draw = (bound: number) => number;

interface Client {
  readonly number: number;
  readonly room: string;
  isOpen: boolean;
  isJoined: boolean;
  n: number;
  op: number;
  /** What the server has sent and the client has not read yet. */
  inbox: Detail[];
  reads: { op: number; askedMs: number; index: number }[];
}

interface Room {
  readonly log: { author: number; n: number }[];
}

/** Runs the toy server and gives what its clients saw. */
function simulate(shape: Shape, draw: Draw): Observation[] {
  const out: Observation[] = [];
  let atMs = 0;
  const clients: Client[] = Array.from({ length: shape.clients }, (_, number) => ({
    number,
    room: `room${number % shape.rooms}`,
    isOpen: false,
    isJoined: false,
    n: 0,
    op: 0,
    inbox: [],
    reads: [],
  }));
  const rooms = new Map<string, Room>(clients.map(({ room }) => [room, { log: [] }]));
  const faulty = (): boolean => draw(100) < shape.faultPercent;
  const see = (client: Client, detail: Detail): void => {
    atMs += 10;
    out.push({ atMs, client: client.number, room: client.room, ...detail });
  };
  const read = (client: Client): void => {
    const detail = client.inbox.shift();
    if (detail !== undefined) see(client, detail);
  };
  const send = (to: Client, detail: Detail): void => {
    to.inbox.push(detail);
    if (faulty() && to.inbox.length > 1) to.inbox.splice(draw(to.inbox.length), 0, ...to.inbox.splice(-1));
  };
  const deliver = (to: Client, author: number, n: number, position: number): void => {
    if (faulty()) return;
    const isDamaged = faulty();
    const content = faulty() ? "another state" : `state ${author}.${n}`;
    const detail: Detail = {
      kind: "delivered",
      marker: { run: faulty() ? "other" : "run", author, n, intact: !isDamaged },
      content,
      position,
    };
    send(to, detail);
    if (faulty()) send(to, detail);
  };
  const write = (client: Client): void => {
    client.n += 1;
    client.op += 1;
    const { n, op, number } = client;
    see(client, { kind: "invoked", op, act: "write", plannedMs: atMs, marker: { run: "run", author: number, n, intact: true } });
    if (draw(8) === 0) {
      send(client, draw(2) === 0 ? { kind: "rejected", op, code: "error", text: "" } : { kind: "rejected", code: "error", text: "" });
      if (!faulty()) return;
    }
    const log = rooms.get(client.room)?.log ?? [];
    log.push({ author: number, n });
    if (!shape.echo && !faulty()) send(client, { kind: "accepted", op, position: log.length });
    for (const to of clients) {
      const isMember = to.isOpen && to.room === client.room;
      const isReceiver = isMember ? shape.echo || to !== client || faulty() : to.isOpen && faulty();
      if (isReceiver) deliver(to, number, n, log.length);
    }
  };
  const ask = (client: Client): void => {
    client.op += 1;
    const { op } = client;
    see(client, { kind: "invoked", op, act: "read", plannedMs: atMs });
    const log = rooms.get(client.room)?.log ?? [];
    if (faulty()) return;
    const last = log[faulty() ? draw(Math.max(1, log.length)) : log.length - 1];
    const marker = last === undefined ? {} : { marker: { run: "run", ...last, intact: !faulty() } };
    send(client, {
      kind: "snapshot",
      op,
      askedMs: atMs,
      content: last === undefined ? "fresh" : `state ${last.author}.${last.n}`,
      ...marker,
    });
  };
  const step = (client: Client): void => {
    if (!client.isOpen) {
      if (draw(3) > 0) return;
      client.isOpen = true;
      see(client, { kind: "connected", user: `u${client.number}` });
      client.inbox = [{ kind: "lifecycle", event: "joined" }];
      client.isJoined = false;
      return;
    }
    const kind = draw(20);
    if (!client.isJoined || kind < 9) {
      client.isJoined ||= client.inbox[0]?.kind === "lifecycle";
      read(client);
    } else if (kind < 15) write(client);
    else if (kind < 18) ask(client);
    else if (kind === 18) {
      client.isOpen = false;
      client.op += 1;
      if (draw(2) === 0) see(client, { kind: "invoked", op: client.op, act: "leave", plannedMs: atMs });
      see(client, { kind: "disconnected", code: 1000, reason: "", wanted: true });
    } else read(client);
  };
  for (let index = 0; index < shape.steps; index += 1) {
    const client = clients[draw(clients.length)];
    if (client !== undefined) step(client);
  }
  for (const client of clients) while (client.isOpen && client.inbox.length > 0) read(client);
  return out;
}

/** Shapes with the faults on, off and many. */
export function histories(rooms: number): fc.Arbitrary<{ shape: Shape; history: Observation[] }> {
  return fc
    .record({
      clients: fc.integer({ min: 1, max: 4 }).map((clients) => clients * rooms),
      echo: fc.boolean(),
      steps: fc.integer({ min: 5, max: 70 }),
      faultPercent: fc.constantFrom(0, 0, 2, 8, 25),
      draws: fc.array(fc.nat({ max: 10_000 }), { minLength: 20, maxLength: 400, size: "max" }),
    })
    .map(({ draws, ...rest }) => {
      const shape: Shape = { rooms, ...rest };
      let used = 0;
      return { shape, history: simulate(shape, (bound) => (draws[used++ % draws.length] ?? 0) % bound) };
    });
}
