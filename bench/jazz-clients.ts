import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Detail } from "../src/core/observation.ts";
import { createPrng } from "../src/core/prng.ts";
import { type Act, valueOf } from "../src/bindings/jazz/acts.ts";
import { inNode } from "../src/bindings/jazz/node.ts";
import type { View } from "../src/bindings/jazz/view.ts";
import { createAlarms } from "../src/engines/node/alarms.ts";
import { createNodeClient } from "../src/engines/node/client.ts";
import { netTransport } from "../src/engines/node/net-transport.ts";

const JOIN_MS_MAX = 60_000;

/** A replica of a space, as the load engine drives it. */
export interface BenchClient {
  /** Writes confirmed by the relay. */
  readonly accepted: number;
  /** Events of others that have come. */
  readonly delivered: number;
  readonly hasJoined: boolean;
  /** The account's id; empty until it has one. */
  readonly account: string;
  act(what: Act): void;
  view(): View;
  /** Called at each delivery and confirmation. */
  onProgress: () => void;
  close(): void;
}

/** A relay of its own process, and replicas of this one. */
export interface Bench {
  readonly server: ChildProcess;
  /** Opens replicas of one space; the first makes it. @throws Error when they do not all join. */
  open(space: string, count: number): Promise<readonly BenchClient[]>;
  stop(): void;
}

/** Starts the reference stack: the published relay, and the hub beside it. Ends the process where the libraries are absent. */
export async function startBench(): Promise<Bench> {
  const makeSession = inNode.session;
  if (inNode.absent !== undefined || makeSession === undefined) {
    console.error(inNode.absent);
    process.exit(2);
  }
  const program = fileURLToPath(new URL("../src/bindings/jazz/reference/main.ts", import.meta.url));
  const server = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await readyUrl(server);
  const prng = createPrng("jazz");
  const alarms = createAlarms(() => performance.now());
  let opened = 0;
  const open = (space: string): BenchClient => {
    opened += 1;
    const number = opened;
    const snapshots: string[] = [];
    let ops = 0;
    const counts = { accepted: 0, delivered: 0, hasJoined: false, account: "" };
    const client = createNodeClient({
      session: makeSession({
        room: space,
        basePath: "",
        dialect: "published",
        prng: prng.fork(`client-${number}`),
        keepaliveMs: undefined,
        reconnect: false,
        readOnJoin: false,
        run: "bench",
      }),
      url,
      headers: {},
      ca: undefined,
      localAddress: undefined,
      transport: netTransport,
      alarms,
      nowMs: () => performance.now(),
      credential: () => Promise.resolve({ user: `user-${number}`, headers: {}, query: {}, protocols: [] }),
      http: () => Promise.resolve({ failure: "not here" }),
      observe: (detail: Detail) => {
        if (detail.kind === "accepted") {
          counts.accepted += 1;
          self.onProgress();
        } else if (detail.kind === "delivered") {
          counts.delivered += 1;
          self.onProgress();
        }
        if (detail.kind === "connected") counts.account = detail.user;
        else if (detail.kind === "snapshot") snapshots[0] = detail.content;
        else if (detail.kind === "lifecycle" && detail.event === "joined") counts.hasJoined = true;
      },
    });
    const self: BenchClient = {
      get accepted() {
        return counts.accepted;
      },
      get delivered() {
        return counts.delivered;
      },
      get hasJoined() {
        return counts.hasJoined;
      },
      get account() {
        return counts.account;
      },
      act: (what) => client.invoke({ kind: "write", id: (ops += 1), plannedMs: 0, value: valueOf(what) }),
      view: () => {
        client.invoke({ kind: "read", id: (ops += 1), plannedMs: 0 });
        return JSON.parse(snapshots[0] ?? "null") as View;
      },
      onProgress: () => undefined,
      close: () => client.invoke({ kind: "leave", id: (ops += 1), plannedMs: 0 }),
    };
    client.start();
    return self;
  };
  return {
    server,
    open: async (space, count) => {
      const first = open(space);
      await until(() => first.hasJoined, JOIN_MS_MAX);
      const all = [first, ...Array.from({ length: count - 1 }, () => open(space))];
      if (!(await until(() => all.every(({ hasJoined }) => hasJoined), JOIN_MS_MAX)))
        throw new Error(`only ${all.filter(({ hasJoined }) => hasJoined).length} of ${count} replicas joined`);
      return all;
    },
    stop: () => {
      alarms.stop();
      server.kill();
    },
  };
}

async function readyUrl(server: ChildProcess): Promise<string> {
  if (server.stdout === null) throw new Error("the relay has no output");
  for (;;) {
    const [chunk] = (await once(server.stdout, "data")) as [Buffer];
    const line = chunk
      .toString("utf8")
      .split("\n")
      .find((each) => each.startsWith("{"));
    if (line !== undefined) return (JSON.parse(line) as { readonly url: string }).url;
  }
}

/** Waits until it holds, at most so long; gives whether it does. */
export async function until(holds: () => boolean, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs;
  while (!holds() && performance.now() < endMs) await pause(20);
  return holds();
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
