import { Secp256k1Keypair } from "@atproto/crypto";
import { addSignature, createUpdateOp, didForCreateOp, type Operation, type UnsignedOperation } from "@did-plc/lib";

/** A stream's identity, fresh for each. */
export interface StreamIdentity {
  readonly did: string;
  readonly key: Uint8Array;
}

const TIMEOUT_MS = 10_000;
const TRIES = 3;

/** Makes a key and a did:plc of it, and registers it where there is a directory. @throws Error when that refuses. */
export async function createStreamIdentity(endpoint: string, directoryUrl: string | undefined): Promise<StreamIdentity> {
  const keypair = await Secp256k1Keypair.create({ exportable: true });
  const unsigned: UnsignedOperation = {
    type: "plc_operation",
    rotationKeys: [keypair.did()],
    verificationMethods: { leaf_server: keypair.did() },
    alsoKnownAs: [],
    services: { leaf_server: { type: "LeafServer", endpoint } },
    prev: null,
  };
  const operation = await addSignature(unsigned, keypair);
  const did = await didForCreateOp(operation);
  if (directoryUrl !== undefined) await register(directoryUrl, did, operation);
  return { did, key: await keypair.export() };
}

/** Writes a handle into the stream's document, or takes it out. @throws Error when the directory refuses. */
export async function setStreamHandle(did: string, key: Uint8Array, handle: string | null, directoryUrl: string): Promise<void> {
  const keypair = await Secp256k1Keypair.import(key);
  const answer = await fetch(`${directoryUrl}/${did}/log/audit`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`the directory answers ${answer.status}`);
  const log = (await answer.json()) as readonly { readonly operation: Operation; readonly nullified: boolean }[];
  const last = log.findLast((entry) => !entry.nullified);
  if (last === undefined) throw new Error("the directory has no log of the stream");
  const operation = await createUpdateOp(last.operation, keypair, (before) => ({
    ...before,
    alsoKnownAs: handle === null ? [] : [`leaf://${handle}`],
  }));
  await post(directoryUrl, did, operation);
}

/** A directory that fails is asked again; a registration whose answer was lost may stand already. */
async function register(directoryUrl: string, did: string, operation: object): Promise<void> {
  for (let left = TRIES; ; left -= 1) {
    try {
      await post(directoryUrl, did, operation);
      return;
    } catch (error) {
      const answer = await fetch(`${directoryUrl}/${did}`, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok === true) return;
      if (left <= 1) throw error;
    }
  }
}

async function post(directoryUrl: string, did: string, operation: object): Promise<void> {
  const answer = await fetch(`${directoryUrl}/${did}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(operation),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`the directory refuses with ${answer.status}`);
}
