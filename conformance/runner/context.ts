import {
  type CaseContext,
  type CaseDefinition,
  type CaseUser,
  type ClientOptions,
  type Launched,
  Precondition,
} from "../../src/core/case.ts";
import type { RoomOutcome } from "../../src/core/binding.ts";
import type { NetworkUser } from "../../src/core/network.ts";
import { shardOfRoom } from "../../src/core/room-shard.ts";
import type { Observation } from "../../src/core/observation.ts";
import type { Credential, Failure, HttpAnswer, HttpRequest } from "../../src/core/session.ts";
import { afterReading } from "./after-reading.ts";
import { type RunnerClient, createClient } from "./client.ts";
import { judgeObserved } from "./judge.ts";
import { parseMetrics } from "./metrics.ts";
import { directoryOf, pdsOf } from "./network.ts";
import type { RunnerPorts } from "./ports.ts";
import type { Recorder } from "./row.ts";
import { witnessOf } from "./witness.ts";

/** An answer that shall come comes within this. */
const HTTP_MS = 5_000;
/** As an HTTP request, with a sign-in before it. */
const ROOM_MS = 10_000;
const PLACES = 10;
/** replicas are compared once nothing has arrived for this long, at the latest after the second figure. */
const QUIET_MS = 1_000;
const QUIET_MS_MAX = 10_000;
const POLL_MS = 20;
/** Opened at once by `openMany`: more would only queue behind each other. */
const OPENING_MAX = 50;
const WITNESS_STEPS = 8;

/** What everything that a case still waits for ends with. */
export const CASE_IS_OVER = "the case is over";

/** A case's context with its end: everything the case opened is closed, its users go back. */
export interface RunnerContext {
  readonly context: CaseContext;
  /** Whether any client of the case has observed what fits. */
  hasSeen(fits: (observation: Observation) => boolean): boolean;
  /** Afterwards whatever the case still waits for ends with a `Precondition`. Resolves once nothing of it is left. */
  end(): Promise<void>;
}

/** The context of one case on injected ports; knows no socket, no file and no protocol. */
export function createContext(ports: RunnerPorts, definition: CaseDefinition, recorder: Recorder): RunnerContext {
  const { binding, target } = ports;
  const clients: RunnerClient[] = [];
  const credentials = new WeakMap<CaseUser, () => Promise<Credential>>();
  const loans: (() => void)[] = [];
  const processes: Launched[] = [];
  const drivers: { stop(): void }[] = [];
  const wakeUps = new Set<(error: Precondition) => void>();
  let rooms = 0;
  let isOver = false;

  const mustRun = (): void => {
    if (isOver) throw new Precondition(CASE_IS_OVER);
  };
  const sleep = (ms: number): Promise<void> => {
    mustRun();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        wakeUps.delete(wake);
        resolve();
      }, ms);
      const wake = (error: Precondition): void => {
        clearTimeout(timer);
        reject(error);
      };
      wakeUps.add(wake);
    });
  };
  const until: CaseContext["until"] = async (holds, withinMs) => {
    const endMs = ports.nowMs() + withinMs;
    for (;;) {
      if (await holds()) return true;
      const leftMs = endMs - ports.nowMs();
      if (leftMs <= 0) {
        await new Promise<void>((resolve) => afterReading(resolve, 0));
        return holds();
      }
      await sleep(Math.min(POLL_MS, leftMs));
    }
  };
  const user = async (): Promise<CaseUser> => {
    mustRun();
    const lent = await ports.borrowUser();
    if (isOver) lent.giveBack();
    mustRun();
    loans.push(lent.giveBack);
    const fresh: CaseUser = { id: lent.id };
    credentials.set(fresh, lent.credential);
    return fresh;
  };
  const takeIn = ({ id, credential }: NetworkUser): CaseUser => {
    const own: CaseUser = { id };
    credentials.set(own, credential);
    return own;
  };
  const directory = ports.directory && directoryOf(ports.directory, takeIn);
  const credentialOf = (who: CaseUser): (() => Promise<Credential>) => {
    const credential = credentials.get(who);
    if (credential === undefined) throw new RangeError(`case ${definition.name} shows a user that it was not given`);
    return credential;
  };
  const shown = (who: CaseUser | undefined): Promise<Credential | undefined> =>
    who === undefined ? Promise.resolve(undefined) : credentialOf(who)();
  const http = async (
    request: HttpRequest,
    who?: CaseUser,
    options: { url?: string; withinMs?: number } = {},
  ): Promise<HttpAnswer | Failure> => {
    mustRun();
    return ports.http(options.url ?? target.urls[0], request, await shown(who), options.withinMs ?? HTTP_MS);
  };
  /** Clients of a case take turns at the URLs that serve every room, or go to the one that has theirs. */
  const urlOf = (room: string, opened: number): string => {
    const { urls } = target;
    const meaning = ports.capabilities["secondUrl"] === true ? binding.manifest.urls : undefined;
    const index = meaning === "everyRoom" ? opened % urls.length : meaning === "ownRooms" ? shardOfRoom(room, urls.length) : 0;
    return urls[index] ?? urls[0];
  };
  const open = async (options: ClientOptions): Promise<RunnerClient> => {
    const who = options.user ?? (await user());
    mustRun();
    const client = createClient(ports, who, credentialOf(who), { ...options, url: options.url ?? urlOf(options.room, clients.length) });
    clients.push(client);
    await client.start();
    return client;
  };

  const openedRoom = async (
    rooms: Extract<typeof binding.rooms, { readonly kind: "opened" }>,
    label: string,
    creator: CaseUser,
  ): Promise<string> => {
    let outcome: RoomOutcome | undefined;
    const options = {
      room: "",
      basePath: target.basePath,
      dialect: target.dialect,
      prng: ports.prng.fork(label),
      keepaliveMs: undefined,
      reconnect: false,
      readOnJoin: false,
      run: ports.run,
    };
    const session = rooms.session(options, label, (told) => (outcome ??= told));
    const maker = ports.open({ session, url: target.urls[0], credential: credentialOf(creator), observe: () => {}, frameSeen: () => {} });
    try {
      maker.start();
      await until(() => outcome !== undefined, ROOM_MS);
    } finally {
      maker.stop();
    }
    if (outcome === undefined) throw new Precondition(`no room could be made within ${ROOM_MS} ms`);
    if ("failure" in outcome) throw new Precondition(`no room could be made: ${outcome.failure}`);
    return outcome.room;
  };

  const context: CaseContext = {
    prng: ports.prng,
    run: ports.run,
    basePath: target.basePath,
    urls: target.urls,
    has: (capability) => ports.capabilities[capability] === true,
    limit: (name, otherwise) => target.limits[name] ?? otherwise,
    timeScale: target.timeScale,
    scaled: (ms) => ms / target.timeScale,
    nowMs: ports.nowMs,
    sleep,
    until,
    user,
    users: (count) => Promise.all(Array.from({ length: count }, user)),
    credential: (who) => credentialOf(who)(),
    room: async (options = {}) => {
      const creator = options.creator ?? (await user());
      rooms += 1;
      const label = `${ports.run}-${definition.name.replace(/[^a-z0-9]+/gi, "-")}-${rooms}`;
      if (binding.rooms.kind === "named") return binding.rooms.name(label);
      if (binding.rooms.kind === "opened") return openedRoom(binding.rooms, label, creator);
      const request = binding.rooms.request(label, options.places ?? PLACES, ports.prng.fork(label));
      const answer = await http({ ...request, path: target.basePath + request.path }, creator);
      if ("failure" in answer) throw new Precondition(`no room could be made: ${answer.failure}`);
      const parsed = binding.rooms.parse(answer);
      if ("failure" in parsed) throw new Precondition(`no room could be made: ${parsed.failure}`);
      return parsed.room;
    },
    open,
    openMany: async (count, options) => {
      const opened: RunnerClient[] = [];
      while (opened.length < count) {
        const some = Math.min(OPENING_MAX, count - opened.length);
        opened.push(...(await Promise.all(Array.from({ length: some }, () => open(options)))));
      }
      return opened;
    },
    http,
    rawUpgrade: async (path, who) => {
      mustRun();
      return ports.rawUpgrade(path, await shown(who));
    },
    check: recorder.check,
    report: recorder.note,
    inconclusive: recorder.inconclusive,
    judge: async (properties) => {
      const isQuiet = (): boolean => ports.nowMs() - Math.max(...clients.map((client) => client.lastMs)) >= QUIET_MS;
      if (await until(isQuiet, QUIET_MS_MAX)) judgeObserved(ports, recorder, clients, properties, ports.nowMs());
      else for (const id of Object.values(properties)) recorder.inconclusive(id, `traffic did not end within ${QUIET_MS_MAX} ms`);
    },
    witness: (client, last = WITNESS_STEPS) => witnessOf(client.number, client.frames, last),
    target,
    launch: async (env) => {
      mustRun();
      if (ports.launch === undefined) throw new Precondition("the target is no program that can be started again");
      const launched = await ports.launch(env);
      if (isOver) launched.kill();
      mustRun();
      processes.push(launched);
      return launched;
    },
    client: async () => {
      mustRun();
      if (ports.driveClient === undefined) throw new Precondition("no client is under test");
      const driver = await ports.driveClient();
      if (isOver) driver.stop();
      mustRun();
      drivers.push(driver);
      return driver;
    },
    directory: directory?.control,
    pds: ports.pds && pdsOf(ports.pds, takeIn),
    process: ports.process,
    metrics: async () => {
      const hook = target.hooks.metrics;
      if (hook === undefined) return undefined;
      const answer = await http({ method: "GET", path: hook.path });
      return "failure" in answer || answer.status !== 200 ? undefined : parseMetrics(answer.body, hook.prefix);
    },
  };
  return {
    context,
    hasSeen: (fits) => clients.some((client) => client.seen.some(fits)),
    end: async () => {
      isOver = true;
      for (const client of clients) client.stop();
      for (const launched of processes.splice(0)) launched.kill();
      for (const driver of drivers.splice(0)) driver.stop();
      for (const wake of wakeUps) wake(new Precondition(CASE_IS_OVER));
      wakeUps.clear();
      // Users go back with what is said of them in the directory healed. A directory that is gone needs no healing.
      await directory?.heal().catch(() => undefined);
      for (const giveBack of loans.splice(0)) giveBack();
    },
  };
}
