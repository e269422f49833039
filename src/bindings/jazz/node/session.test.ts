import { expect, it } from "vitest";
import type { Detail } from "../../../core/observation.ts";
import { createPrng } from "../../../core/prng.ts";
import type { Outbox, Session } from "../../../core/session.ts";
import { valueOf } from "../acts.ts";
import { startRelay } from "../reference/relay.ts";
import { loadLibrary, missing } from "./library.ts";
import { Link } from "./link.ts";
import { SyncSession } from "./session.ts";

const absent = missing();

interface Opened {
  readonly seen: Detail[];
  readonly session: Session;
  readonly out: Outbox;
}

/** A session joined to a relay's node without a socket between them. */
async function open(relay: Awaited<ReturnType<typeof startRelay>>, user: string): Promise<Opened> {
  const library = await loadLibrary();
  const seen: Detail[] = [];
  const session = new SyncSession({
    room: "run-session-test-1",
    basePath: "",
    dialect: "published",
    prng: createPrng(user),
    keepaliveMs: undefined,
    reconnect: false,
    readOnJoin: false,
    run: "run",
  });
  const server = new Link(library, "client", {
    send: (frame) => session.frame(frame, 0, out),
    message: () => undefined,
    problem: () => undefined,
  });
  const out: Outbox = {
    connect: () => {
      relay.node.syncManager.addPeer(server.peer);
      session.opened(0, out);
    },
    send: (frame) => server.frame(String(frame)),
    close: (code) => session.closed(code, "", 0, out),
    http: () => undefined,
    needCredential: () => session.reply("credential", { user, headers: {}, query: {}, protocols: [] }, 0, out),
    wakeAt: () => undefined,
    observe: (detail) => seen.push(detail),
    delivered: (delivery) => seen.push(delivery),
  };
  session.start(0, out);
  await expect.poll(() => seen.some((each) => each.kind === "lifecycle" && each.event === "joined"), { timeout: 10_000 }).toBe(true);
  return { seen, session, out };
}

it.skipIf(absent !== undefined)("writes, is confirmed, and is seen once by another, over our own relay", async () => {
  const relay = await startRelay({});
  try {
    const one = await open(relay, "one");
    const two = await open(relay, "two");
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
