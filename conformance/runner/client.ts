import { type CaseClient, type CaseUser, type ClientOptions, Precondition, type RecordedFrame } from "../../src/core/case.ts";
import type { Observation } from "../../src/core/observation.ts";
import type { Json, Op } from "../../src/core/op.ts";
import type { Credential, Failure, Frame, Session } from "../../src/core/session.ts";
import { afterReading } from "./after-reading.ts";
import type { OpenedClient, RunnerPorts } from "./ports.ts";

/** What a join may take by every protocol. */
const JOIN_MS_MAX = 5_000;
/** A close frame is answered within this, or the socket is given up. */
const CLOSE_MS_MAX = 2_000;
const WAIT_MS = 5_000;
/** A case's client sees some thousands of observations at most; a server that sends more is flooding, and is let go. */
const OBSERVATIONS_MAX = 100_000;
/** Frames are for witnesses and byte checks; beyond this the oldest half goes, so that a flood fills no memory. */
const FRAMES_MAX = 20_000;
const FRAME_UNITS_MAX = 32 * 1024 * 1024;

/** A case's client with what the runner needs of it. */
export interface RunnerClient extends CaseClient {
  /** When it last observed something; -Infinity for never. */
  readonly lastMs: number;
  stop(): void;
}

interface Waiter {
  readonly fits: (observation: Observation) => boolean;
  readonly tell: (observation: Observation | undefined) => void;
}

/** A client of a case; not yet started. */
export function createClient(
  ports: RunnerPorts,
  user: CaseUser,
  credential: () => Promise<Credential>,
  options: ClientOptions,
): RunnerClient & { start(): Promise<void> } {
  const number = ports.nextClient();
  const seen: Observation[] = [];
  const frames: RecordedFrame[] = [];
  const waiters = new Set<Waiter>();
  const changes = new Set<() => void>();
  let frameUnits = 0;
  let ops = 0;
  let writes = 0;
  let isJoined = false;
  let closed: CaseClient["closed"];
  let refused: Failure | undefined;
  const changed = (): void => {
    for (const tell of changes) tell();
  };
  const session = ports.binding.session({
    room: options.room,
    basePath: ports.target.basePath,
    dialect: ports.target.dialect,
    prng: ports.prng.fork(`client-${number}`),
    keepaliveMs: options.keepaliveMs === undefined ? undefined : options.keepaliveMs / ports.target.timeScale,
    reconnect: options.reconnect ?? false,
    readOnJoin: options.readOnJoin ?? false,
    run: ports.run,
  });
  const opened: OpenedClient = ports.open({
    session: watched(session, {
      closed: (code, reason) => {
        closed = { code, reason, atMs: ports.nowMs() };
        queueMicrotask(changed);
      },
      refused: (failure) => {
        refused = failure;
        queueMicrotask(changed);
      },
    }),
    url: options.url ?? ports.target.urls[0],
    credential,
    observe: (detail, atMs) => {
      if (seen.length >= OBSERVATIONS_MAX) {
        opened.stop();
        return;
      }
      const observation: Observation = { ...detail, atMs, client: number, room: options.room };
      seen.push(observation);
      if (detail.kind === "lifecycle" && detail.event === "joined") isJoined = true;
      for (const waiter of waiters) if (waiter.fits(observation)) waiter.tell(observation);
      changed();
    },
    frameSeen: (from, frame, atMs) => {
      frames.push({ from, frame, atMs });
      frameUnits += frame.length;
      while (frames.length > FRAMES_MAX || frameUnits > FRAME_UNITS_MAX) {
        for (const gone of frames.splice(0, Math.ceil(frames.length / 2))) frameUnits -= gone.frame.length;
      }
    },
  });
  const settled = (holds: () => boolean, withinMs: number): Promise<boolean> =>
    new Promise((resolve) => {
      const end = (outcome: boolean): void => {
        clearTimeout(timer);
        changes.delete(look);
        resolve(outcome);
      };
      const look = (): void => {
        if (holds()) end(true);
      };
      const timer = afterReading(() => end(holds()), withinMs);
      changes.add(look);
      look();
    });
  const nextOp = (): { id: number; plannedMs: number } => {
    ops += 1;
    return { id: ops, plannedMs: ports.nowMs() };
  };
  const isRefused = (): boolean => refused !== undefined || closed !== undefined || seen.some((each) => each.kind === "rejected");
  const invoke = <T extends Op>(op: T): T => {
    opened.invoke(op);
    return op;
  };

  return {
    number,
    user,
    room: options.room,
    seen,
    frames,
    get isOpen() {
      return opened.isOpen;
    },
    get closed() {
      return closed;
    },
    get refused() {
      return refused;
    },
    get lastMs() {
      return seen.at(-1)?.atMs ?? -Infinity;
    },
    stop: () => {
      opened.stop();
      for (const waiter of waiters) waiter.tell(undefined);
    },
    start: async () => {
      opened.start();
      if (options.mustJoin === false) {
        await settled(() => opened.isOpen || isRefused(), JOIN_MS_MAX);
        return;
      }
      await settled(() => isJoined || isRefused(), JOIN_MS_MAX);
      if (!isJoined)
        throw new Precondition(`client ${number} could not join room ${options.room.slice(0, 80)}: ${whyNot(seen, closed, refused)}`);
    },
    write: (value: Json, how) => {
      const base = nextOp();
      if (how?.marker === false) return invoke({ kind: "write", ...base, value });
      writes += 1;
      return invoke({ kind: "write", ...base, value, marker: { run: ports.run, author: number, n: writes, intact: true } });
    },
    read: () => invoke({ kind: "read", ...nextOp() }),
    keepalive: () => void invoke({ kind: "keepalive", ...nextOp() }),
    presence: (value: Json) => void invoke({ kind: "presence", ...nextOp(), value }),
    send: (frame: Frame) => opened.send(frame),
    close: async (code) => {
      const before = closed;
      if (code === undefined) opened.invoke({ kind: "leave", ...nextOp() });
      else opened.close(code, "");
      await settled(() => closed !== before || !opened.isOpen, CLOSE_MS_MAX);
      if (opened.isOpen) opened.cut();
    },
    cut: () => opened.cut(),
    waitFor: (fits, { withinMs = WAIT_MS, from = 0 } = {}) => {
      const already = seen.slice(from).find(fits);
      if (already !== undefined) return Promise.resolve(already);
      return new Promise((resolve) => {
        const waiter: Waiter = {
          fits,
          tell: (observation) => {
            clearTimeout(timer);
            waiters.delete(waiter);
            resolve(observation);
          },
        };
        const timer = afterReading(() => waiter.tell(undefined), withinMs);
        waiters.add(waiter);
      });
    },
  };
}

/** The session, with an ear at what tells of the socket's end. */
function watched(session: Session, ear: { closed: (code: number, reason: string) => void; refused: (failure: Failure) => void }): Session {
  return {
    start: (nowMs, out) => session.start(nowMs, out),
    opened: (nowMs, out) => session.opened(nowMs, out),
    frame: (frame, nowMs, out) => session.frame(frame, nowMs, out),
    expected: (decoded, nowMs, out) => session.expected(decoded, nowMs, out),
    invoke: (op, nowMs, out) => session.invoke(op, nowMs, out),
    wake: (nowMs, out) => session.wake(nowMs, out),
    reply: (tag, answer, nowMs, out) => {
      if ("failure" in answer) ear.refused(answer);
      session.reply(tag, answer, nowMs, out);
    },
    closed: (code, reason, nowMs, out) => {
      ear.closed(code, reason);
      session.closed(code, reason, nowMs, out);
    },
  };
}

function whyNot(seen: readonly Observation[], closed: CaseClient["closed"], refused: Failure | undefined): string {
  if (refused !== undefined) return `${refused.status ?? 0} ${refused.failure}`;
  const rejected = seen.find((each) => each.kind === "rejected");
  if (rejected?.kind === "rejected") return `${rejected.code} ${rejected.text}`;
  return closed === undefined ? `nothing within ${JOIN_MS_MAX} ms` : `closed with ${closed.code} ${closed.reason}`.trim();
}
