import type { OrderModel } from "../core/binding.ts";
import type { Panel } from "../core/checker.ts";
import { HarnessError } from "../core/errors.ts";
import type { RefereeWish, StreamWitness, WindowWitness, Elsewhere } from "../core/witness.ts";
import { LogWitness } from "../checkers/across/log-witness.ts";
import { withStates } from "../checkers/across/states.ts";
import type { MeetingPoint, Together } from "../engines/node/shard-types.ts";

/** What a worker of a shard tells its parent, which talks to the referee. */
export type FromShardWorker =
  | { readonly kind: "made" | "find"; readonly room: number; readonly id: string }
  | { readonly kind: "meet"; readonly point: MeetingPoint }
  | { readonly kind: "witness"; readonly streams: readonly StreamWitness[]; readonly isLast: boolean }
  | { readonly kind: "windows"; readonly windows: readonly WindowWitness[] };

/** What the parent tells its workers. */
export type ToShardWorker =
  | { readonly kind: "room"; readonly room: number; readonly id: string }
  | { readonly kind: "met"; readonly point: MeetingPoint }
  | { readonly kind: "wish"; readonly wish: RefereeWish };

/** A room is made by another shard when its first client comes; its ramp may be as long. */
const FIND_MS_MAX = 120_000;

/** A worker's side of a run over several shards. */
export interface ShardSide {
  readonly together: Together;
  /** What the ledger is to tell; undefined where rooms are not divided. */
  witness(elsewhere: Elsewhere | undefined): LogWitness | undefined;
  panel(panel: Panel): Panel;
  /** A second has passed. */
  second(): void;
  /** The run has been judged. */
  last(): void;
  heard(message: ToShardWorker): void;
}

export interface ShardSideOptions {
  readonly orderModel: OrderModel;
  /** When the run begins, on the engine's clock. */
  readonly startMs: number;
  readonly tell: (message: FromShardWorker) => void;
  /** Calls `act` after so long, unless what it gives is called before. */
  readonly after: (ms: number, act: () => void) => () => void;
}

/** Portable: VUs of k6 have one as workers of our own engine have. */
export function createShardSide({ orderModel, startMs, tell, after }: ShardSideOptions): ShardSide {
  const wanted = new Map<number, Outcome<string>>();
  const meetings = new Map<MeetingPoint, Outcome<undefined>>();
  let log: LogWitness | undefined;
  return {
    together: {
      startMs,
      meet: async (point) => {
        const meeting = createOutcome<undefined>();
        meetings.set(point, meeting);
        tell({ kind: "meet", point });
        await meeting.promise;
      },
      made: (room, id) => tell({ kind: "made", room, id }),
      find: async (room) => {
        const found = wanted.get(room) ?? createOutcome<string>();
        wanted.set(room, found);
        tell({ kind: "find", room, id: "" });
        const cancel = after(FIND_MS_MAX, () =>
          found.reject(new HarnessError("unreachable", `no room could be had: another shard was to make it`)),
        );
        try {
          return await found.promise;
        } finally {
          cancel();
        }
      },
    },
    witness: (elsewhere) => {
      if (elsewhere === undefined) return undefined;
      log = new LogWitness(orderModel, elsewhere);
      log.startedAt(startMs);
      return log;
    },
    panel: (panel) =>
      withStates(panel, orderModel, (room, client, text, askedMs) => {
        log?.state(room, client, text, askedMs);
      }),
    second: () => {
      const streams = log?.take() ?? [];
      if (streams.length > 0) tell({ kind: "witness", streams, isLast: false });
    },
    last: () => tell({ kind: "witness", streams: log?.takeLast() ?? [], isLast: true }),
    heard: (message) => {
      if (message.kind === "room") {
        wanted.get(message.room)?.resolve(message.id);
        wanted.delete(message.room);
      } else if (message.kind === "met") meetings.get(message.point)?.resolve(undefined);
      else {
        log?.agreed(message.wish.agreed);
        const windows = log?.windows(message.wish.show) ?? [];
        if (windows.length > 0) tell({ kind: "windows", windows });
      }
    },
  };
}

/** A promise with its ends: k6 has no `Promise.withResolvers`. */
interface Outcome<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function createOutcome<T>(): Outcome<T> {
  const ends: Pick<Outcome<T>, "resolve" | "reject"> = { resolve: () => undefined, reject: () => undefined };
  const promise = new Promise<T>((resolve, reject) => {
    ends.resolve = resolve;
    ends.reject = reject;
  });
  return { promise, resolve: (value) => ends.resolve(value), reject: (error) => ends.reject(error) };
}
