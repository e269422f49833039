import type { Observation } from "../../core/observation.ts";
import { createPrng } from "../../core/prng.ts";
import { urlOfMember } from "../../load/shares.ts";
import type { ShardOptions } from "./shard-types.ts";
import type { Alarms, EngineClient } from "./surroundings.ts";
import { waitUntil } from "./wait-until.ts";

/** A sign-in, a join and a read, for as many rooms at once. */
const LATECOMER_MS_MAX = 10_000;

/** A latecomer looks again until it has been shown the same twice: a replica fills by and by. */
const AGAIN_MS = 400;

/** Rooms that are looked at side by side. */
const AT_ONCE = 50;

/**
 * Once a run with faults is quiet, somebody new comes into each room and tells what the server shows of it: all that was
 * written before must be there. Latecomers are numbered behind the clients, by their room.
 */
export async function askLatecomers({
  shard,
  alarms,
  rooms,
  observe,
}: {
  readonly shard: ShardOptions;
  readonly alarms: Alarms;
  readonly rooms: readonly (readonly [index: number, id: string])[];
  readonly observe: (observation: Observation) => void;
}): Promise<void> {
  const { surroundings, signal } = shard;
  for (let from = 0; from < rooms.length && !signal.aborted; from += AT_ONCE) {
    const asked = rooms.slice(from, from + AT_ONCE).map(([index, room]) => latecomer(shard, alarms, index, room, observe));
    await waitUntil(() => asked.every(({ isSettled }) => isSettled()), surroundings.nowMs() + LATECOMER_MS_MAX, signal, surroundings);
    for (const { node } of asked) node.stop();
  }
}

function latecomer(
  { session, scenario, parameters, target, urls, seed, run, credential, http, surroundings }: ShardOptions,
  alarms: Alarms,
  index: number,
  room: string,
  observe: (observation: Observation) => void,
): { readonly node: EngineClient; readonly isSettled: () => boolean } {
  const client = parameters.clients + index;
  const startedMs = surroundings.nowMs();
  let shown: string | undefined;
  let isSettled = false;
  let reads = 0;
  const mint = (): ReturnType<typeof credential> => credential(client);
  const node = surroundings.client({
    session: session({
      room,
      basePath: target.basePath,
      dialect: target.dialect,
      prng: createPrng(`${seed}/${scenario.name}/latecomer-${index}`),
      keepaliveMs: undefined,
      reconnect: false,
      readOnJoin: true,
      history: true,
      recall: true,
      run,
    }),
    url: target.urls[urlOfMember(urls, client, room, target.urls.length)] ?? target.urls[0],
    headers: target.headers,
    ca: target.ca,
    alarms,
    credential: mint,
    http: async (request) => http(request, await mint()),
    observe: (detail, atMs) => {
      if (detail.kind === "snapshot") {
        isSettled = shown === detail.content;
        shown = detail.content;
        if (!isSettled) again.set(atMs + AGAIN_MS);
      }
      observe({ ...(detail.kind === "connected" ? { ...detail, startedMs } : detail), atMs, client, room });
    },
    slot: 0,
  });
  const again = alarms.create((nowMs) => {
    reads += 1;
    node.invoke({ kind: "read", id: reads, plannedMs: nowMs });
  });
  node.start();
  return { node, isSettled: () => isSettled };
}
