import { randomBytes } from "node:crypto";
import type { Result } from "../core/result.ts";
import { type LoadOptions, openGround } from "./load.ts";
import { playShardOn } from "./load-shard.ts";
import { runReferee } from "./referee.ts";

/** Shards on this machine are there at once, or something is wrong. */
const GATHER_MS_MAX = 120_000;
const SILENT_MS_MAX = 15_000;

/**
 * A run over several shards and their referee, all on this machine: each shard has workers of its own and connects from
 * a network of its own. For what only shards together can see; it makes nothing faster.
 * @throws HarnessError as `load` does.
 */
export async function loadInShards(count: number, options: LoadOptions): Promise<Result> {
  const token = randomBytes(16).toString("hex");
  const ground = await openGround(options);
  const { profile, failOnWarning, allowInconclusive, signal } = options;
  try {
    const { promise: listening, resolve: onListening, reject } = Promise.withResolvers<string>();
    const judged = runReferee({
      shards: count,
      token,
      port: 0,
      bind: "127.0.0.1",
      gatherMsMax: GATHER_MS_MAX,
      silentMsMax: SILENT_MS_MAX,
      onListening,
      ...(profile === undefined ? {} : { profile }),
      ...(failOnWarning === undefined ? {} : { failOnWarning }),
      ...(allowInconclusive === undefined ? {} : { allowInconclusive }),
      ...(signal === undefined ? {} : { signal }),
    });
    judged.catch(reject);
    const url = await listening;
    const shards = Array.from({ length: count }, (_, index) =>
      playShardOn(ground, { ...options, share: { index, count, by: "members" }, referee: { url, token } }),
    );
    const [result] = await Promise.all([judged, ...shards]);
    return result;
  } finally {
    await ground.close();
  }
}
