import { verify } from "node:crypto";
import type { DidKeys, SigningKey } from "./did.ts";
import { isTaken } from "./did.ts";
import type { DoorFaults } from "./faults.ts";

/** Leaf's own method. */
export const METHOD = "town.muni.leaf.authenticate";

/** L-3: on all times and lives. */
const LEEWAY_S = 5;
/** Life left at most, with a method and without. */
const LIFE_S_MAX = 3_600;
const LIFE_WITHOUT_METHOD_S_MAX = 60;
const TOKEN_LENGTH_MAX = 8_192;
/** After a re-fetch that brought no new key, the DID is left alone for so long. */
const PAUSE_MS = 10_000;
const PAUSED_MAX = 10_000;

/** Half of the curve's order: of the two `s` that verify only the lower one is taken. */
const HALF_ORDER = {
  ES256: 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n,
  ES256K: 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n,
} as const satisfies Record<SigningKey["algorithm"], bigint>;

/** Who a token names, or why it is refused. */
export type TokenOutcome = { readonly did: string; readonly lifeMs: number } | { readonly refusal: string };

type JsonObject = Readonly<Record<string, unknown>>;

interface Parts {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export interface TokenJudge {
  judge(token: string, nowMs: number): Promise<TokenOutcome>;
}

/** Checks AT Protocol service tokens by L-3: what can be told without the key first, then the signature. */
export function createTokenJudge(did: string, keys: DidKeys, faults: DoorFaults): TokenJudge {
  const paused = new Map<string, number>();
  const audiences = faults.audiences([did, `${did}#leaf_server`]);
  const judge = async (token: string, nowMs: number): Promise<TokenOutcome> => {
    const parts = splitJwt(token);
    if (parts === undefined) return { refusal: "format" };
    const { header, claims } = parts;
    /** What is against the token, unless it is overlooked. */
    const against = (refusal: string | undefined): string | undefined =>
      refusal !== undefined && faults.overlooks({ header, claims, refusal }) ? undefined : refusal;
    const { alg, typ } = header;
    const wrongType = against(typ !== undefined && typ !== "JWT" ? "type" : undefined);
    if (wrongType !== undefined) return { refusal: wrongType };
    const unknownAlgorithm = against(alg !== "ES256K" && alg !== "ES256" ? "algorithm" : undefined);
    if (unknownAlgorithm !== undefined) return { refusal: unknownAlgorithm };
    const given = claims["iss"];
    const hasFragment = typeof given === "string" && given.includes("#");
    const fragment = against(hasFragment ? "fragment" : undefined);
    if (typeof given !== "string" || fragment !== undefined) return { refusal: fragment ?? "issuer" };
    const iss = given.split("#", 1)[0] ?? given;
    if (!faults.takesMethod(iss, isTaken(iss))) return { refusal: "issuer" };
    for (const refusal of claimRefusals(claims, audiences, nowMs / 1_000)) {
      if (against(refusal) !== undefined) return { refusal };
    }
    if (alg === "ES256" || alg === "ES256K") {
      const high = against(isLowS(alg, parts.signature) ? undefined : "high-s");
      if (high !== undefined) return { refusal: high };
    }
    const refusal = against(await signatureRefusal(iss, String(alg), parts, nowMs));
    if (refusal !== undefined) return { refusal };
    return { did: faults.signedIn(iss), lifeMs: Number(claims["exp"]) * 1_000 - nowMs };
  };
  const signatureRefusal = async (iss: string, alg: string, parts: Parts, nowMs: number): Promise<string | undefined> => {
    const first = await keys.signingKey(iss, false);
    if (first === "unknown") return "unknown-did";
    if (first === "unreachable") return "directory";
    if (first.algorithm === alg && (await isSigned(parts, first))) return undefined;
    if (!faults.refetches || (paused.get(iss) ?? 0) > nowMs) return "signature";
    const second = await keys.signingKey(iss, true);
    if (second === "unknown") return "unknown-did";
    if (second === "unreachable") return "directory";
    if (second.fingerprint === first.fingerprint) {
      if (paused.size >= PAUSED_MAX) paused.clear();
      paused.set(iss, nowMs + PAUSE_MS);
      return "signature";
    }
    return second.algorithm === alg && (await isSigned(parts, second)) ? undefined : "signature";
  };
  return { judge };
}

/** All that is against the claims, in turn. */
function* claimRefusals({ aud, exp, iat, lxm }: JsonObject, audiences: readonly string[], nowS: number): Generator<string> {
  if (typeof aud !== "string" || !audiences.includes(aud)) yield "audience";
  if (typeof exp !== "number" || !Number.isFinite(exp)) yield "no-expiry";
  else {
    if (exp <= nowS - LEEWAY_S) yield "expired";
    if (exp > nowS + LIFE_S_MAX + LEEWAY_S) yield "lifetime";
    if (lxm === undefined && exp > nowS + LIFE_WITHOUT_METHOD_S_MAX + LEEWAY_S) yield "lifetime-without-method";
  }
  if (lxm !== undefined && lxm !== METHOD) yield "method";
  if (iat !== undefined && (typeof iat !== "number" || !Number.isFinite(iat) || iat > nowS + LEEWAY_S)) yield "issued-at";
}

/** On the thread pool: a verification takes half a millisecond, which the event loop has better use for. */
function isSigned({ signed, signature }: Parts, { key }: SigningKey): Promise<boolean> {
  return new Promise((resolve) => {
    verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature, (error, isRight) => resolve(error === null && isRight));
  });
}

function isLowS(algorithm: SigningKey["algorithm"], signature: Buffer): boolean {
  if (signature.length !== 64) return false;
  return BigInt(`0x${signature.subarray(32).toString("hex")}`) <= HALF_ORDER[algorithm];
}

function splitJwt(token: string): Parts | undefined {
  const [header, claims, signature, more] = token.split(".");
  if (header === undefined || claims === undefined || signature === undefined || more !== undefined || token.length > TOKEN_LENGTH_MAX)
    return undefined;
  const decodedHeader = decodePart(header);
  const decodedClaims = decodePart(claims);
  if (decodedHeader === undefined || decodedClaims === undefined) return undefined;
  return {
    header: decodedHeader,
    claims: decodedClaims,
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, "base64url"),
  };
}

function decodePart(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
