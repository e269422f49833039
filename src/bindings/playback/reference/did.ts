import { createPublicKey, ECDH, type KeyObject } from "node:crypto";

/** A DID's signing key and the one algorithm that goes with its curve. */
export interface SigningKey {
  readonly algorithm: "ES256" | "ES256K";
  readonly key: KeyObject;
}

/** Signing keys of DIDs, from a PLC directory. */
export interface DidKeys {
  /** The key of the DID's `#atproto` method; `isFresh` asks the directory even when the answer is known. */
  signingKey(did: string, isFresh: boolean): Promise<SigningKey | "unknown" | "unreachable">;
  readonly hits: number;
  readonly misses: number;
}

/** `did:plc` is the one method of the directory. */
const DID_PLC = /^did:plc:[a-z2-7]{24}$/;

/** Whether the directory can know this DID; checked before anything is asked of it. */
export function isDidPlc(did: string): boolean {
  return DID_PLC.test(did);
}

const LOOKUP_TIMEOUT_MS = 5_000;
/** How long an answer is believed: AT Protocol services keep documents for minutes to an hour. */
const DOCUMENT_LIFE_MS = 600_000;
/** About 1 KB each. */
const DOCUMENTS_MAX = 50_000;
const DOCUMENT_BYTES_MAX = 64 * 1024;
/** A directory answers 300 to 600 look-ups a second; more at once only wait longer. */
const LOOKUPS_AT_ONCE = 32;
/** Who comes when so many wait is refused. */
const LOOKUPS_WAITING_MAX = 20_000;

/** Look-ups with single flight and a cache; failures are not kept. */
export function createDidKeys(directoryUrl: string, nowMs: () => number): DidKeys {
  const known = new Map<string, { readonly key: SigningKey; readonly untilMs: number }>();
  const inFlight = new Map<string, Promise<SigningKey | "unknown" | "unreachable">>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let hits = 0;
  let misses = 0;

  const lookUp = async (did: string): Promise<SigningKey | "unknown" | "unreachable"> => {
    if (running >= LOOKUPS_AT_ONCE) {
      if (waiting.length >= LOOKUPS_WAITING_MAX) return "unreachable";
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      const answer = await fetch(`${directoryUrl}/${did}`, { redirect: "error", signal: AbortSignal.timeout(LOOKUP_TIMEOUT_MS) });
      const text = await readCapped(answer);
      if (!answer.ok) return answer.status === 404 || answer.status === 410 ? "unknown" : "unreachable";
      const key = text === undefined ? undefined : signingKeyOf(did, JSON.parse(text));
      if (key === undefined) return "unknown";
      if (known.size >= DOCUMENTS_MAX) known.delete(known.keys().next().value ?? did);
      known.set(did, { key, untilMs: nowMs() + DOCUMENT_LIFE_MS });
      return key;
    } catch {
      return "unreachable";
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };

  return {
    signingKey: async (did, isFresh) => {
      const entry = known.get(did);
      if (!isFresh && entry !== undefined && entry.untilMs > nowMs()) {
        hits += 1;
        return entry.key;
      }
      misses += 1;
      const flight = inFlight.get(did) ?? lookUp(did).finally(() => inFlight.delete(did));
      inFlight.set(did, flight);
      return flight;
    },
    get hits() {
      return hits;
    },
    get misses() {
      return misses;
    },
  };
}

async function readCapped(answer: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > DOCUMENT_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The `#atproto` key of a DID document, in the legacy forms of the PLC directory or as Multikey; undefined without one. */
export function signingKeyOf(did: string, document: unknown): SigningKey | undefined {
  if (typeof document !== "object" || document === null || Reflect.get(document, "id") !== did) return undefined;
  const methods: unknown = Reflect.get(document, "verificationMethod");
  if (!Array.isArray(methods)) return undefined;
  for (const method of methods as readonly unknown[]) {
    if (typeof method !== "object" || method === null) continue;
    const id: unknown = Reflect.get(method, "id");
    const multibase: unknown = Reflect.get(method, "publicKeyMultibase");
    if ((id !== "#atproto" && id !== `${did}#atproto`) || typeof multibase !== "string") continue;
    return decodeKey(String(Reflect.get(method, "type")), multibase);
  }
  return undefined;
}

function decodeKey(type: string, multibase: string): SigningKey | undefined {
  const bytes = multibase.startsWith("z") && multibase.length < 200 ? decodeBase58(multibase.slice(1)) : undefined;
  if (bytes === undefined) return undefined;
  switch (type) {
    case "EcdsaSecp256k1VerificationKey2019":
      return importPoint("ES256K", bytes);
    case "EcdsaSecp256r1VerificationKey2019":
      return importPoint("ES256", bytes);
    case "Multikey":
      // Multicodec: 0xe7 secp256k1-pub, 0x1200 p256-pub, as varints.
      if (bytes[0] === 0xe7 && bytes[1] === 0x01) return importPoint("ES256K", bytes.subarray(2));
      if (bytes[0] === 0x80 && bytes[1] === 0x24) return importPoint("ES256", bytes.subarray(2));
      return undefined;
    default:
      return undefined;
  }
}

function importPoint(algorithm: SigningKey["algorithm"], point: Uint8Array): SigningKey | undefined {
  const isKoblitz = algorithm === "ES256K";
  try {
    const whole = ECDH.convertKey(point, isKoblitz ? "secp256k1" : "prime256v1", undefined, undefined, "uncompressed");
    if (typeof whole === "string" || whole.length !== 65) return undefined;
    const x = whole.subarray(1, 33).toString("base64url");
    const y = whole.subarray(33, 65).toString("base64url");
    return { algorithm, key: createPublicKey({ format: "jwk", key: { kty: "EC", crv: isKoblitz ? "secp256k1" : "P-256", x, y } }) };
  } catch {
    return undefined;
  }
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

function decodeBase58(text: string): Uint8Array | undefined {
  let value = 0n;
  for (const character of text) {
    const digit = BASE58.indexOf(character);
    if (digit === -1) return undefined;
    value = value * 58n + BigInt(digit);
  }
  const hex = value === 0n ? "" : value.toString(16);
  const zeros = /^1*/.exec(text)?.[0].length ?? 0;
  return Buffer.concat([Buffer.alloc(zeros), Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex")]);
}
