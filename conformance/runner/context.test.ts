import { expect, test } from "vitest";
import type { Binding } from "../../src/core/binding.ts";
import { type CaseContext, type CaseDefinition, Precondition } from "../../src/core/case.ts";
import type { Checker } from "../../src/core/checker.ts";
import { requirementId } from "../../src/core/ids.ts";
import type { Detail } from "../../src/core/observation.ts";
import type { Observation } from "../../src/core/observation.ts";
import { createPrng } from "../../src/core/prng.ts";
import type { Credential, HttpRequest } from "../../src/core/session.ts";
import type { ResolvedTarget } from "../../src/core/target.ts";
import type { OpenOptions, RunnerPorts } from "./ports.ts";
import type { CaseRow, RowPart } from "./row.ts";
import { runCase } from "./run-case.ts";
import { createUsers } from "./users.ts";

const id = requirementId("TEST-DEL-01");

/** What the fake world was asked for. */
interface World {
  readonly requests: { readonly request: HttpRequest; readonly user: string | undefined }[];
  readonly stopped: number[];
  readonly opened: OpenOptions[];
  /** Numbers of users on loan. */
  readonly lent: Set<string>;
}

interface Behaviour {
  /** What a client is told once it starts. */
  readonly onStart?: (options: OpenOptions) => void;
  readonly checkers?: () => readonly Checker[];
  readonly roomAnswer?: string;
}

const joins = (options: OpenOptions): void => options.observe({ kind: "lifecycle", event: "joined" }, performance.now());

function credentialOf(user: string): Credential {
  return { user, headers: {}, query: {}, protocols: [] };
}

function worldOf(behaviour: Behaviour = {}): { world: World; ports: RunnerPorts } {
  const world: World = { requests: [], stopped: [], opened: [], lent: new Set() };
  const session = { start() {}, opened() {}, frame() {}, expected() {}, reply() {}, closed() {}, invoke() {}, wake() {} };
  const binding = {
    manifest: { capabilities: { presence: { default: true, meaning: "", shownBy: ({ kind }: Observation) => kind === "lifecycle" } } },
    rooms: {
      kind: "created",
      membersMax: 9,
      request: (label: string) => ({ method: "POST", path: `/rooms?${label}` }),
      parse: ({ body }: { body: string }) => (body === "" ? { failure: "no id" } : { room: body }),
    },
    session: () => session,
  } as unknown as Binding;
  const target = {
    urls: ["http://127.0.0.1:1"],
    basePath: "/api",
    headers: {},
    dialect: "d",
    timeScale: 20,
    limits: { silentMs: 7 },
    capabilities: { presence: false },
    hooks: { health: "/healthz", metrics: { path: "/metrics", prefix: "x_" } },
  } as unknown as ResolvedTarget;
  const borrow = createUsers({ credential: (index) => Promise.resolve(credentialOf(`user-${index}`)) });
  let clients = 0;
  const ports: RunnerPorts = {
    binding,
    target,
    capabilities: { host: true },
    prng: createPrng("test"),
    run: "r",
    nowMs: () => performance.now(),
    nextClient: () => (clients += 1),
    borrowUser: async () => {
      const lent = await borrow();
      world.lent.add(lent.id);
      return {
        ...lent,
        giveBack: () => {
          world.lent.delete(lent.id);
          lent.giveBack();
        },
      };
    },
    open: (options) => {
      const number = world.opened.push(options);
      let isOpen = false;
      return {
        get isOpen() {
          return isOpen;
        },
        start: () => {
          isOpen = true;
          (behaviour.onStart ?? joins)(options);
        },
        invoke: (op) => {
          if (op.kind === "write")
            options.observe(
              {
                kind: "invoked",
                op: op.id,
                act: "write",
                plannedMs: op.plannedMs,
                ...(op.marker === undefined ? {} : { marker: op.marker }),
              },
              performance.now(),
            );
        },
        send: (frame) => options.frameSeen("client", frame, 5),
        close: () => {},
        cut: () => (isOpen = false),
        stop: () => {
          isOpen = false;
          world.stopped.push(number);
        },
      };
    },
    http: async (_url, request, credential) => {
      world.requests.push({ request, user: credential?.user });
      if (request.path === "/metrics")
        return { status: 200, headers: {}, body: '# HELP x_a a\nx_a{room="1"} 2\nx_a{room="2"} 3\ny_b 4\nx_c nonsense\n' };
      return { status: 200, headers: {}, body: behaviour.roomAnswer ?? "room-1" };
    },
    rawUpgrade: () => Promise.resolve({ status: 404, frames: [], closed: undefined }),
    checkers: behaviour.checkers ?? (() => []),
    process: undefined,
  };
  return { world, ports };
}

async function perform(
  run: (t: CaseContext) => Promise<void>,
  behaviour: Behaviour = {},
  limitMs = 5_000,
): Promise<{ row: CaseRow; part: RowPart; world: World }> {
  const { world, ports } = worldOf(behaviour);
  const definition: CaseDefinition = { name: "a/case", title: "A case", ids: [id], phase: "shared", limitMs, run };
  const row = await runCase(ports, definition, new AbortController().signal);
  const [part] = row.parts;
  if (part === undefined) throw new Error("no part");
  return { row, part, world };
}

const breach = { reason: "lost", expected: "one", seen: "none" } as const;

test("what only a capability shows is told when the target declares that off", async () => {
  const seen = await perform(async (t) => {
    await t.open({ room: "room" });
  });
  expect(seen.row.shown).toEqual(["presence"]);
  const unseen = await perform(async () => {});
  expect(unseen.row.shown).toBeUndefined();
});

test("judgements are counted, and a breach does not end the case", async () => {
  const { row, part } = await perform(async (t) => {
    expect(t.check(id, true, breach)).toBe(true);
    expect(t.check(id, false, () => breach)).toBe(false);
    t.report(id, "shown");
    await t.sleep(1);
  });
  expect(row.end).toBe("ran");
  expect(part).toMatchObject({ judged: 2, broken: { lost: 1 }, breaches: [breach], notes: ["shown"] });
});

test("an id that is not the case's, or any other error, is a fault of ours", async () => {
  const { row } = await perform(async (t) => void t.check(requirementId("TEST-DEL-02"), true, breach));
  expect(row.end).toBe("faulted");
  expect(row.because).toMatch(/not among its ids/);
});

test("a precondition ends the case without blame", async () => {
  const { row, part } = await perform(() => Promise.reject(new Precondition("no room")));
  expect(row).toMatchObject({ end: "precondition", because: "no room" });
  expect(part.judged).toBe(0);
});

test("a case over its limit is cut, and what it says later is not heard", async () => {
  let late: Promise<void> | undefined;
  const { row, part } = await perform(
    async (t) => {
      late = t.sleep(60_000).catch((error: unknown) => {
        expect(error).toBeInstanceOf(Precondition);
        t.check(id, false, breach);
      });
      await late;
    },
    {},
    50,
  );
  await late;
  expect(row.end).toBe("overran");
  expect(part.judged).toBe(0);
});

test("an abort ends a case at once", async () => {
  const { ports } = worldOf();
  const ending = new AbortController();
  const definition: CaseDefinition = { name: "a/case", title: "", ids: [id], phase: "shared", run: (t) => t.sleep(60_000) };
  const running = runCase(ports, definition, ending.signal);
  ending.abort();
  expect(await running).toMatchObject({ end: "precondition", because: "the run ended early" });
});

test("everything opened is stopped, and users go back", async () => {
  const { world } = await perform(async (t) => {
    const clients = await t.openMany(3, { room: "r" });
    expect(new Set(clients.map((client) => client.user.id)).size).toBe(3);
  });
  expect(new Set(world.stopped)).toEqual(new Set([1, 2, 3]));
  expect(world.lent.size).toBe(0);
});

test("a room is made under the base path by its creator; an answer without an id is a precondition", async () => {
  const { world } = await perform(async (t) => {
    const creator = await t.user();
    expect(await t.room({ creator })).toBe("room-1");
  });
  expect(world.requests[0]).toMatchObject({ user: "user-0", request: { path: expect.stringMatching(/^\/api\/rooms/) } });
  const refused = await perform(async (t) => void (await t.room()), { roomAnswer: "" });
  expect(refused.row).toMatchObject({ end: "precondition", because: expect.stringMatching(/no id/) });
});

test("a client that must join and is refused is a precondition, with the reason", async () => {
  const onStart = (options: OpenOptions): void => options.observe({ kind: "rejected", code: "4403", text: "full" }, 1);
  const must = await perform(async (t) => void (await t.open({ room: "r" })), { onStart });
  expect(must.row).toMatchObject({ end: "precondition", because: expect.stringMatching(/4403 full/) });
  const may = await perform(
    async (t) => {
      const client = await t.open({ room: "r", mustJoin: false });
      expect(client.seen.map((each) => each.kind)).toEqual(["rejected"]);
    },
    { onStart },
  );
  expect(may.row.end).toBe("ran");
});

test("a refused upgrade is told with its status", async () => {
  const onStart = (options: OpenOptions): void =>
    options.session.reply("connect", { failure: "Unauthorized", status: 401 }, 1, {} as never);
  const { row } = await perform(
    async (t) => {
      const client = await t.open({ room: "r", mustJoin: false });
      expect(client.refused).toEqual({ failure: "Unauthorized", status: 401 });
    },
    { onStart },
  );
  expect(row.end).toBe("ran");
});

test("writes carry fresh markers unless they are told not to", async () => {
  await perform(async (t) => {
    const client = await t.open({ room: "r" });
    const ops = [client.write(1), client.write(2, { marker: false }), client.write(3)];
    expect(ops.map((op) => op.marker?.n)).toEqual([1, undefined, 2]);
    expect(new Set(ops.map((op) => op.id)).size).toBe(3);
    expect(ops[0]?.marker).toEqual({ run: "r", author: client.number, n: 1, intact: true });
  });
});

test("waiting finds what has come already, what comes, and gives up at its limit", async () => {
  const { row } = await perform(
    async (t) => {
      const client = await t.open({ room: "r" });
      const isSnapshot = ({ kind }: { kind: string }): boolean => kind === "snapshot";
      expect(await client.waitFor(({ kind }) => kind === "lifecycle")).toBeDefined();
      expect(await client.waitFor(({ kind }) => kind === "lifecycle", { from: 1, withinMs: 5 })).toBeUndefined();
      expect(await client.waitFor(isSnapshot, { withinMs: 1_000 })).toMatchObject({ content: "late" });
    },
    {
      onStart: (options) => {
        joins(options);
        setTimeout(() => options.observe({ kind: "snapshot", askedMs: 1, content: "late" }, 2), 20);
      },
    },
  );
  expect(row.end).toBe("ran");
});

test("a server that floods a client is let go, and fills no memory", async () => {
  const detail: Detail = { kind: "problem", reason: "malformed", text: "x" };
  const { row, world } = await perform(
    async (t) => {
      const client = await t.open({ room: "r" });
      expect(client.seen.length).toBeLessThanOrEqual(100_000);
      expect(client.isOpen).toBe(false);
    },
    {
      onStart: (options) => {
        joins(options);
        for (let n = 0; n < 100_010; n += 1) options.observe(detail, n);
      },
    },
  );
  expect(row.end).toBe("ran");
  expect(world.stopped[0]).toBe(1);
});

test("times of the server are scaled, limits and capabilities are the target's", async () => {
  const { row } = await perform(async (t) => {
    expect(t.scaled(60_000)).toBe(3_000);
    expect(t.limit("silentMs", 1)).toBe(7);
    expect(t.limit("other", 1)).toBe(1);
    expect([t.has("host"), t.has("secondUrl")]).toEqual([true, false]);
    expect(await t.metrics()).toEqual({ a: 5 });
  });
  expect(row.end).toBe("ran");
});

test("checkers judge everything in the order of time, and one that saw nothing is inconclusive", async () => {
  const seen: number[] = [];
  const order: Checker = {
    property: "order",
    observe: ({ atMs }) => void seen.push(atMs),
    finish: () => ({
      property: "order",
      judged: 4,
      broken: { disordered: 1 },
      findings: [{ property: "order", reason: "disordered", room: "r", client: 1, expected: "a", seen: "b", witness: [] }],
    }),
  };
  const delivery: Checker = {
    property: "delivery",
    observe: () => {},
    finish: () => ({ property: "delivery", judged: 0, broken: {}, findings: [] }),
  };
  const { part } = await perform(
    async (t) => {
      await t.openMany(2, { room: "r" });
      await t.judge({ order: id, delivery: id });
    },
    { checkers: () => [order, delivery] },
  );
  expect(seen).toEqual(seen.toSorted((left, right) => left - right));
  expect(part).toMatchObject({ judged: 4, broken: { disordered: 1 }, inconclusive: ["nothing was observed of delivery"] });
});

test("a witness shows a client's last frames", async () => {
  await perform(async (t) => {
    const client = await t.open({ room: "r" });
    client.send("one");
    client.send(Uint8Array.of(1, 255));
    expect(t.witness(client, 2)).toEqual([
      { atMs: 5, from: "client 1", to: "server", label: "one", frame: "one" },
      { atMs: 5, from: "client 1", to: "server", label: "2 bytes", frame: "01ff" },
    ]);
  });
});
