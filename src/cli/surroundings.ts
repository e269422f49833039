import { type IdentityPool, openPool } from "../../fixtures/identities/index.ts";
import { type Pds, pdsModule, startPds } from "../../fixtures/atproto/index.ts";
import { type Directory, startDirectory } from "../../fixtures/directory/index.ts";
import { HarnessError } from "../core/errors.ts";

/** What a target of ours needs around it: identities, and a directory that knows them. */
export interface Surroundings {
  readonly pool: IdentityPool;
  /** Undefined where nobody asks it: only our own servers do. */
  readonly directory: Pick<Directory, "url" | "controlUrl"> | undefined;
  /** Makes the first identities, and has the directory know them: what is registered at first look-up makes a join late. */
  prepare(count: number): Promise<void>;
  /** A PDS beside the directory, started when first asked for. */
  pds(): Promise<Pds>;
  close(): Promise<void>;
}

/** Capabilities that the surroundings give an embedded target, where its binding knows them. */
export function capabilitiesGiven(): Readonly<Record<string, boolean>> {
  return { directory: true, pds: pdsModule() !== undefined };
}

/** The pool's own seed: identities are made once a machine and serve every run. */
export const POOL_SEED = "rollcall";

/** @throws HarnessError when the pool cannot be used or the directory does not start. */
export async function openSurroundings(needsDirectory: boolean): Promise<Surroundings> {
  const pool = await openPool({ seed: POOL_SEED });
  const directory = needsDirectory ? await startDirectory({ pool }) : undefined;
  let prepared: Promise<void> | undefined;
  const prepare = (count: number): Promise<void> => (prepared ??= pool.prepare(count).then(() => directory?.prepare(count)));
  let pds: Promise<Pds> | undefined;
  return {
    pool,
    directory,
    prepare,
    pds: () => {
      if (directory === undefined) throw new HarnessError("internal", "a PDS needs a directory, and this target has none of ours");
      return (pds ??= startPds({ directoryUrl: directory.url }));
    },
    close: async () => {
      await pds?.then(
        (running) => running.close(),
        () => undefined,
      );
      await directory?.close();
    },
  };
}
