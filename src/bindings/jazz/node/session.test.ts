import { expect, it } from "vitest";
import type { Detail } from "../../../core/observation.ts";
import { createPrng } from "../../../core/prng.ts";
import type { Outbox, Session } from "../../../core/session.ts";
import { type Act, valueOf } from "../acts.ts";
import { startRelay } from "../reference/relay.ts";
import { loadLibrary, missing } from "./library.ts";
import { Link } from "./link.ts";
import { SyncSession } from "./session.ts";

const absent = missing();

interface Opened {
  readonly seen: Detail[];
  /** Frames that it sent. */
  readonly sent: string[];
  readonly session: Session;
  readonly out: Outbox;
}

/** A session joined to a relay's node without a socket between them. */
async function open(relay: Awaited<ReturnType<typeof startRelay>>, room: string, user: string): Promise<Opened> {
  const library = await loadLibrary();
  const seen: Detail[] = [];
  const session = new SyncSession({
    room,
    basePath: "",
    dialect: "published",
    prng: createPrng(user),
    keepaliveMs: undefined,
    reconnect: false,
    readOnJoin: false,
    run: "run",
  });
  const sent: string[] = [];
  let server: Link | undefined;
  const out: Outbox = {
    connect: () => {
      server = new Link(library, "client", {
        send: (frame) => session.frame(frame, 0, out),
        message: () => undefined,
        problem: () => undefined,
      });
      relay.node.syncManager.addPeer(server.peer);
      session.opened(0, out);
    },
    send: (frame) => {
      sent.push(String(frame));
      server?.frame(String(frame));
    },
    close: (code) => {
      server?.end();
      session.closed(code, "", 0, out);
    },
    http: () => undefined,
    needCredential: () => session.reply("credential", { user, headers: {}, query: {}, protocols: [] }, 0, out),
    wakeAt: () => undefined,
    observe: (detail) => seen.push(detail),
    delivered: (delivery) => seen.push(delivery),
  };
  session.start(0, out);
  await expect.poll(() => seen.some((each) => each.kind === "lifecycle" && each.event === "joined"), { timeout: 10_000 }).toBe(true);
  return { seen, sent, session, out };
}

it.skipIf(absent !== undefined)("writes, is confirmed, and is seen once by another, over our own relay", async () => {
  const relay = await startRelay({});
  try {
    const one = await open(relay, "run-writes-1", "one");
    const two = await open(relay, "run-writes-1", "two");
    const marker = { run: "run", author: 1, n: 1, intact: true };
    one.session.invoke({ kind: "write", id: 1, plannedMs: 0, value: valueOf({ do: "send", content: "hello" }), marker }, 0, one.out);
    await expect.poll(() => one.seen.some((each) => each.kind === "accepted" && each.op === 1), { timeout: 5_000 }).toBe(true);
    await expect.poll(() => two.seen.filter((each) => each.kind === "delivered").length, { timeout: 5_000 }).toBe(1);
    expect(two.seen.find((each) => each.kind === "delivered")).toMatchObject({ marker });
    expect(one.seen.some((each) => each.kind === "delivered" || each.kind === "problem")).toBe(false);
    for (const { session, out } of [one, two]) session.invoke({ kind: "leave", id: 2, plannedMs: 0 }, 0, out);
  } finally {
    relay.stop();
  }
});

it.skipIf(absent !== undefined)("comes back without sending again what the server had confirmed", async () => {
  const relay = await startRelay({});
  try {
    const one = await open(relay, "run-returns-1", "one");
    const two = await open(relay, "run-returns-1", "two");
    const write = ({ session, out }: Opened, id: number, what: Act): void =>
      session.invoke(
        { kind: "write", id, plannedMs: 0, value: valueOf(what), marker: { run: "run", author: id, n: id, intact: true } },
        0,
        out,
      );
    const isAccepted = ({ seen }: Opened, op: number): boolean => seen.some((each) => each.kind === "accepted" && each.op === op);
    write(one, 1, { do: "send", content: "hello" });
    await expect.poll(() => isAccepted(one, 1), { timeout: 5_000 }).toBe(true);
    await expect.poll(() => two.seen.some((each) => each.kind === "delivered"), { timeout: 5_000 }).toBe(true);
    write(one, 2, { do: "offline" });
    write(two, 3, { do: "edit", pick: 0, content: "hello again" });
    await expect.poll(() => isAccepted(two, 3), { timeout: 5_000 }).toBe(true);
    one.sent.length = 0;
    write(one, 4, { do: "online" });
    await expect.poll(() => one.seen.some((each) => each.kind === "delivered"), { timeout: 5_000 }).toBe(true);
    write(one, 5, { do: "edit", pick: 0, content: "and again" });
    await expect.poll(() => isAccepted(one, 5), { timeout: 5_000 }).toBe(true);
    expect(one.sent.filter((frame) => frame.includes('"action":"content"'))).toHaveLength(1);
    for (const { session, out } of [one, two]) session.invoke({ kind: "leave", id: 6, plannedMs: 0 }, 0, out);
  } finally {
    relay.stop();
  }
});
