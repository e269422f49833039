import { createPublicKey, ECDH, type KeyObject } from "node:crypto";
import type { Config } from "./config.ts";
import { DID } from "./config.ts";
import type { Faults } from "./faults.ts";

/** A DID's signing key and the one algorithm that goes with its curve. */
export interface SigningKey {
  readonly algorithm: "ES256" | "ES256K";
  readonly key: KeyObject;
  /** Equal for equal keys. */
  readonly name: string;
}

export type Resolved = SigningKey | "unresolvable" | "unavailable";

/** Signing keys of DIDs. */
export interface Resolver {
  /** The key, from the cache where it is known. */
  key(did: string): Promise<Resolved>;
  /**
   * Asks again because what is known did not verify; undefined when there was no new key, or when it was asked a short
   * while ago without one.
   */
  fresh(did: string, known: SigningKey): Promise<Resolved | undefined>;
  /** Keys of before that are still taken: none, but for a fault. */
  retired(did: string): readonly SigningKey[];
  readonly hits: number;
  readonly misses: number;
  /** Whether the last look-up failed, and that not long ago. */
  readonly isDegraded: boolean;
}

const LOOK_UP_MS_MAX = 5_000;
const DOCUMENT_BYTES_MAX = 64 * 1024;
/** Trouble is forgotten so long after the last failure. */
const DEGRADED_MS = 30_000;

interface Entry {
  readonly found: Resolved;
  readonly untilMs: number;
}

/** Look-ups with a cache of limited size and life, and one request in flight a DID. */
export function createResolver(config: Pick<Config, "plcUrl" | "cache">, is: Faults, nowMs: () => number): Resolver {
  const { cache, plcUrl } = config;
  const entries = new Map<string, Entry>();
  const inFlight = new Map<string, Promise<Resolved>>();
  const pausedUntil = new Map<string, number>();
  /** For the fault that forgets no key. */
  const retired = new Map<string, readonly SigningKey[]>();
  let failedMs = -Infinity;
  let hits = 0;
  let misses = 0;

  const remember = (did: string, found: Resolved): void => {
    entries.delete(did);
    const lifeMs = typeof found === "string" ? cache.failureMs : cache.lifeMs;
    entries.set(did, { found, untilMs: nowMs() + lifeMs });
    if (entries.size > cache.entriesMax) entries.delete(entries.keys().next().value ?? did);
  };
  const lookUp = (did: string): Promise<Resolved> => {
    const running = is("no-single-flight") ? undefined : inFlight.get(did);
    if (running !== undefined) return running;
    misses += 1;
    const flight = fetchKey(did, plcUrl, is)
      .then((found) => {
        failedMs = found === "unavailable" ? nowMs() : -Infinity;
        if (!is("no-did-cache")) remember(did, found);
        return found;
      })
      .finally(() => inFlight.delete(did));
    inFlight.set(did, flight);
    return flight;
  };
  const isLive = (entry: Entry): boolean => entry.untilMs > nowMs();

  return {
    key: (did) => {
      if (!DID.test(did)) return Promise.resolve("unresolvable");
      const entry = entries.get(did);
      if (entry !== undefined && isLive(entry)) {
        hits += 1;
        return Promise.resolve(entry.found);
      }
      return lookUp(did);
    },
    retired: (did) => retired.get(did) ?? [],
    fresh: async (did, known) => {
      if (is("retired-key-is-kept")) retired.set(did, [...(retired.get(did) ?? []), known]);
      if (is("rotation-locks-out") || nowMs() < (pausedUntil.get(did) ?? -Infinity)) return undefined;
      const found = await lookUp(did);
      if (typeof found !== "string" && found.name !== known.name) return found;
      if (pausedUntil.size >= cache.entriesMax) pausedUntil.delete(pausedUntil.keys().next().value ?? "");
      pausedUntil.set(did, nowMs() + cache.pauseMs);
      if (found === "unavailable") remember(did, known);
      return typeof found === "string" ? found : undefined;
    },
    get hits() {
      return hits;
    },
    get misses() {
      return misses;
    },
    get isDegraded() {
      return nowMs() - failedMs < DEGRADED_MS;
    },
  };
}

function documentUrl(did: string, plcUrl: string): string {
  if (did.startsWith("did:plc:")) return `${plcUrl}/${did}`;
  const host = decodeURIComponent(did.slice("did:web:".length));
  const scheme = /^localhost(:|$)/.test(host) ? "http" : "https";
  return `${scheme}://${host}/.well-known/did.json`;
}

async function fetchKey(did: string, plcUrl: string, is: Faults): Promise<Resolved> {
  try {
    const limitMs = is("directory-down-hangs") ? 60_000 : LOOK_UP_MS_MAX;
    const answer = await fetch(documentUrl(did, plcUrl), { redirect: "error", signal: AbortSignal.timeout(limitMs) });
    if (answer.status >= 500) {
      if (is("directory-down-hangs")) await new Promise((resolve) => setTimeout(resolve, limitMs));
      return "unavailable";
    }
    const text = await readCapped(answer);
    if (!answer.ok || text === undefined) return "unresolvable";
    return signingKeyOf(did, JSON.parse(text), is) ?? "unresolvable";
  } catch (error) {
    return error instanceof SyntaxError ? "unresolvable" : "unavailable";
  }
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

/** The key of the verification method that ends in `#atproto`; undefined without one. */
export function signingKeyOf(did: string, document: unknown, is: Faults): SigningKey | undefined {
  if (typeof document !== "object" || document === null || Reflect.get(document, "id") !== did) return undefined;
  const methods: unknown = Reflect.get(document, "verificationMethod");
  if (!Array.isArray(methods)) return undefined;
  for (const method of methods as readonly unknown[]) {
    if (typeof method !== "object" || method === null) continue;
    const id: unknown = Reflect.get(method, "id");
    const multibase: unknown = Reflect.get(method, "publicKeyMultibase");
    if ((id !== "#atproto" && id !== `${did}#atproto`) || typeof multibase !== "string") continue;
    const type = String(Reflect.get(method, "type"));
    if (type === "Multikey" && is("multikey-is-not-read")) return undefined;
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
    return { algorithm, key, name: `${algorithm}:${x}:${y}` };
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
