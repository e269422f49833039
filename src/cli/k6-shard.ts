import type { OrderModel } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import type { RegisterMessage } from "../core/referee.ts";
import { after, ownSegment, postToReferee, vusHere } from "../engines/k6/runtime.ts";
import type { VuReport } from "../engines/k6/report.ts";
import type { Share } from "../load/shares.ts";
import type { K6Job, K6Referee } from "./k6-job.ts";
import { ANSWER_MS_MAX, type LinkPorts, type RefereeClock, ShardLink } from "./shard-link.ts";
import { createShardSide, type ShardSide } from "./shard-worker.ts";

/** `Date.now()` is all that k6 has. */
const GRAIN_MS = 1;

/** Checkpoints of all VUs of a run that a referee takes in a second without falling behind. */
const CHECKPOINTS_PER_SECOND_MAX = 200;

/** Who says nothing for 15 s is lost. */
const CHECKPOINT_MS_MAX = 4_000;

/** What the VUs of a process need to speak to the referee; plain data, since it comes to them from `setup`. */
export interface K6Place {
  readonly session: string;
  readonly clock: RefereeClock;
  /** On the clock of `Date.now()`. */
  readonly startMs: number;
  readonly share: Share;
  readonly checkpointMs: number;
}

/** A process that is known to its referee. */
export interface Registered {
  readonly run: string;
  readonly seed: string;
  /** Waits for the other shards. @throws Error when there will be no run. */
  readonly start: () => Promise<K6Place>;
}

/**
 * Registers this process, for all of its VUs: they share no memory, and each speaks for its own rooms, under the one
 * session. Called in `setup`.
 * @throws Error in words for the user, who sees nothing else of it.
 */
export async function registerProcess(
  job: Omit<K6Job, "referee">,
  referee: K6Referee,
  plan: { readonly binding: string; readonly scenario: string },
): Promise<Registered> {
  if (referee.token === "")
    throw new RangeError("the referee asks for the run's token: give -e ROLLCALL_RUN_TOKEN, or have it in the environment");
  const share = shareOf(referee);
  const speakers = vusHere();
  if (speakers < 1)
    throw new RangeError("this segment got no VU: give the number of processes, such as -e SHARDS=3, so that each gets some");
  const link = linkTo(referee);
  const { name, urls, dialect, timeScale, known } = job.target;
  const message: RegisterMessage = {
    shard: share.index,
    shards: share.count,
    engine: "k6",
    speakers,
    version: "k6",
    plan: { ...plan, parameters: job.parameters, by: share.by, ...(job.seed === "" ? {} : { seed: job.seed }) },
    target: { asked: job.targetName, name, urls, dialect, timeScale, known },
  };
  const { run, seed } = await inWords(() => link.register(message));
  const everyMs = (1000 * speakers * share.count) / CHECKPOINTS_PER_SECOND_MAX;
  return {
    run,
    seed,
    start: async () => {
      const startMs = await inWords(() => link.start());
      const clock = link.clock ?? { offsetMs: 0, boundMs: Infinity };
      return { session: link.session, clock, startMs, share, checkpointMs: Math.min(CHECKPOINT_MS_MAX, Math.max(1000, everyMs)) };
    },
  };
}

/** A VU's side of a run over several processes. */
export interface VuShard {
  readonly side: ShardSide;
  readonly link: ShardLink;
  readonly isStopped: () => boolean;
  /** Hands in what it found, and shows what the referee wants to see. @throws HarnessError when nobody takes it. */
  readonly finish: (report: VuReport) => Promise<void>;
}

/** Begins to speak to the referee, for the VU with this number in its process. */
export function openVuShard(
  { url, token }: K6Referee,
  { session, clock, startMs, checkpointMs }: K6Place,
  speaker: number,
  orderModel: OrderModel,
): VuShard {
  let isStopped = false;
  const link = new ShardLink({
    url,
    ports: portsOf(url, token),
    onStage: () => undefined,
    onStop: () => {
      isStopped = true;
    },
    place: { session, speaker, clock, checkpointMs },
  });
  const side = createShardSide({ orderModel, startMs, tell: (message) => link.heard(message), after });
  link.play(1, (message) => side.heard(message));
  return {
    side,
    link,
    isStopped: () => isStopped,
    finish: (report) => {
      side.last();
      return link.finish([{ kind: "done", ...report }]);
    },
  };
}

/** What came of the whole run, once the referee says so; in words. */
export async function verdictOf({ url, token }: K6Referee, { session, clock, checkpointMs, share }: K6Place): Promise<string> {
  const place = { session, speaker: 0, clock, checkpointMs };
  const link = new ShardLink({ url, ports: portsOf(url, token), onStage: () => undefined, place });
  const { verdict, exitCode } = await inWords(() => link.verdict());
  return `shard ${share.index + 1}/${share.count}: handed over; the run: ${verdict} (exit code ${exitCode} at the referee)`;
}

/** @throws RangeError when neither variables nor segments say which shard this is, or they say different things. */
function shareOf({ shard, shards, by }: K6Referee): Share {
  const segment = ownSegment();
  if (shard !== undefined) {
    if (segment !== undefined) throw new RangeError("give either -e SHARD or an execution segment (with -e SHARDS), not both");
    return { ...shard, by };
  }
  if (segment === undefined) {
    if (shards === 1) return { index: 0, count: 1, by };
    throw new RangeError("which shard is this? -e SHARD=1/3, or -e SHARDS=3 with --execution-segment and its sequence");
  }
  if (shards !== undefined && segment.count !== shards)
    throw new RangeError(`-e SHARDS: ${shards}, and the sequence of execution segments has ${segment.count}`);
  return { ...segment, by };
}

function linkTo({ url, token }: K6Referee): ShardLink {
  return new ShardLink({ url, ports: portsOf(url, token), onStage: (text) => console.log(`rollcall: ${text}`) });
}

function portsOf(url: string, token: string): LinkPorts {
  return {
    exchange: (name, body) => postToReferee({ url, token, withinMs: ANSWER_MS_MAX }, name, body),
    nowMs: Date.now,
    grainMs: GRAIN_MS,
    after,
  };
}

/** k6 prints a message and nothing else: the hint goes into it. */
async function inWords<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof HarnessError && error.hint !== undefined) throw new Error(`${error.message} (${error.hint})`, { cause: error });
    throw error;
  }
}
