import { type IdentityPool, openPool } from "../../fixtures/identities/index.ts";
import { startDirectory } from "../../fixtures/directory/index.ts";

/** What a target of ours needs around it: identities, and a directory that knows them. */
export interface Surroundings {
  readonly pool: IdentityPool;
  /** Undefined where nobody asks it: only our own servers do. */
  readonly directoryUrl: string | undefined;
  /** Makes the first identities, and has the directory know them: what is registered at first look-up makes a join late. */
  prepare(count: number): Promise<void>;
  close(): Promise<void>;
}

/** The pool's own seed: identities are made once a machine and serve every run. */
export const POOL_SEED = "rollcall";

/** @throws HarnessError when the pool cannot be used or the directory does not start. */
export async function openSurroundings(needsDirectory: boolean = true): Promise<Surroundings> {
  const pool = await openPool({ seed: POOL_SEED });
  const directory = needsDirectory ? await startDirectory({ pool }) : undefined;
  let prepared: Promise<void> | undefined;
  const prepare = (count: number): Promise<void> => (prepared ??= pool.prepare(count).then(() => directory?.prepare(count)));
  return { pool, directoryUrl: directory?.url, prepare, close: async () => directory?.close() };
}
