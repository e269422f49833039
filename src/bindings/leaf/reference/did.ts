import { createPublicKey, ECDH, type KeyObject } from "node:crypto";
import type { DoorFaults } from "./faults.ts";

/** A DID's signing key and the one algorithm that goes with its curve. */
export interface SigningKey {
  readonly algorithm: "ES256" | "ES256K";
  readonly key: KeyObject;
  /** Tells one key from another. */
  readonly fingerprint: string;
}

export type KeyOutcome = SigningKey | "unknown" | "unreachable";

/** Signing keys of DIDs. */
export interface DidKeys {
  /** The key of the DID's `#atproto` method; `isFresh` asks the directory even when the answer is known. */
  signingKey(did: string, isFresh: boolean): Promise<KeyOutcome>;
  readonly hits: number;
  readonly misses: number;
}

export interface DidKeysOptions {
  readonly directoryUrl: string | undefined;
  readonly cacheMs: number;
  readonly lookupMsMax: number;
  readonly nowMs: () => number;
  readonly faults: DoorFaults;
}

const DID_PLC = /^did:plc:[a-z2-7]{24}$/;
const DID_WEB = /^did:web:([A-Za-z0-9.-]+)((?:%3A\d{1,5})?)$/;

/** Whether this server takes accounts of the DID's method. */
export function isTaken(did: string): boolean {
  return DID_PLC.test(did) || DID_WEB.test(did);
}

/** About 1 KB each. */
const DOCUMENTS_MAX = 50_000;
const DOCUMENT_BYTES_MAX = 64 * 1024;
/** A directory answers 300 to 600 look-ups a second; more at once only wait longer. */
const LOOKUPS_AT_ONCE = 64;
/** Who comes when so many wait is refused. */
const LOOKUPS_WAITING_MAX = 20_000;

/** Where the document of a DID is (did:web: http for this machine alone); undefined where nobody has it. */
function documentUrl(did: string, directoryUrl: string | undefined): string | undefined {
  if (DID_PLC.test(did)) return directoryUrl === undefined ? undefined : `${directoryUrl}/${did}`;
  const [, host, port] = DID_WEB.exec(did) ?? [];
  if (host === undefined) return undefined;
  const scheme = host === "localhost" ? "http" : "https";
  return `${scheme}://${host}${(port ?? "").replace("%3A", ":")}/.well-known/did.json`;
}

/** Look-ups with single flight and a cache; failures are not kept, and end what was believed before. */
export function createDidKeys({ directoryUrl, cacheMs, lookupMsMax, nowMs, faults }: DidKeysOptions): DidKeys {
  const known = new Map<string, { readonly key: SigningKey; readonly untilMs: number }>();
  const inFlight = new Map<string, Promise<KeyOutcome>>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let hits = 0;
  let misses = 0;

  const lookUp = async (did: string): Promise<KeyOutcome> => {
    const url = documentUrl(did, directoryUrl);
    if (url === undefined) return "unknown";
    if (running >= LOOKUPS_AT_ONCE) {
      if (waiting.length >= LOOKUPS_WAITING_MAX) return "unreachable";
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(faults.lookupMsMax(lookupMsMax)) });
      const text = await readCapped(answer);
      if (answer.status === 404 || answer.status === 410) {
        known.delete(did);
        return "unknown";
      }
      if (!answer.ok) return "unreachable";
      const key = text === undefined ? undefined : signingKeyOf(did, JSON.parse(text), faults.takesLegacyDocument);
      if (key === undefined) {
        known.delete(did);
        return "unknown";
      }
      if (known.size >= DOCUMENTS_MAX) known.delete(known.keys().next().value ?? did);
      known.set(did, { key, untilMs: nowMs() + faults.keyLifeMs(cacheMs) });
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
    signingKey: (did, isFresh) => {
      const entry = known.get(did);
      if (!isFresh && entry !== undefined && entry.untilMs > nowMs()) {
        hits += 1;
        return Promise.resolve(entry.key);
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

/** The `#atproto` key of a DID document in either of its two shapes (§2.5); undefined without one. */
export function signingKeyOf(did: string, document: unknown, takesLegacy = true): SigningKey | undefined {
  if (typeof document !== "object" || document === null || Reflect.get(document, "id") !== did) return undefined;
  const methods: unknown = Reflect.get(document, "verificationMethod");
  if (!Array.isArray(methods)) return undefined;
  for (const method of methods as readonly unknown[]) {
    if (typeof method !== "object" || method === null) continue;
    const id: unknown = Reflect.get(method, "id");
    const multibase: unknown = Reflect.get(method, "publicKeyMultibase");
    if ((id !== "#atproto" && id !== `${did}#atproto`) || typeof multibase !== "string") continue;
    const type = String(Reflect.get(method, "type"));
    if (type !== "Multikey" && !takesLegacy) return undefined;
    return decodeKey(type, multibase);
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
    const key = createPublicKey({ format: "jwk", key: { kty: "EC", crv: isKoblitz ? "secp256k1" : "P-256", x, y } });
    return { algorithm, key, fingerprint: `${algorithm} ${x}` };
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
