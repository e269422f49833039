import { verify } from "node:crypto";
import { type DidKeys, isDidPlc, type SigningKey } from "./did.ts";
import { isObject, type JsonObject } from "./wire.ts";

/** Service tokens live 60 s at most (playback.md 2.1); clocks may differ by this. */
const LIFE_S_MAX = 60;
const SKEW_S = 5;

const TOKEN_LENGTH_MAX = 4_096;

/** Half of the curve's order: atproto takes only the lower of the two `s` that verify. */
const HALF_ORDER = {
  ES256: 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n,
  ES256K: 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n,
} as const satisfies Record<SigningKey["algorithm"], bigint>;

/** Who a token names, or why it is refused; `isOurs` when not the token but the directory is at fault. */
export type TokenOutcome = { readonly userId: string } | { readonly refusal: string; readonly isOurs?: true };

interface Parts {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Checks an AT Protocol service token: everything that can be told without its key first, then the signature. */
export async function verifyServiceJwt(token: string, audience: string, keys: DidKeys, nowMs: number): Promise<TokenOutcome> {
  const parts = splitJwt(token);
  if (parts === undefined) return { refusal: "malformed" };
  const { alg } = parts.header;
  if (alg !== "ES256K" && alg !== "ES256") return { refusal: "algorithm" };
  const { iss } = parts.claims;
  if (typeof iss !== "string" || !isDidPlc(iss)) return { refusal: "issuer" };
  const refusal = claimRefusal(parts.claims, audience, nowMs / 1_000);
  if (refusal !== undefined) return { refusal };
  if (!isLowS(alg, parts.signature)) return { refusal: "signature" };
  // A key that does not fit may have been replaced since: the document is asked for once more.
  for (const isFresh of [false, true]) {
    const key = await keys.signingKey(iss, isFresh);
    if (key === "unknown") return { refusal: "issuer" };
    if (key === "unreachable") return { refusal: "directory", isOurs: true };
    if (key.algorithm === alg && (await isSigned(parts, key))) return { userId: iss };
  }
  return { refusal: "signature" };
}

function claimRefusal({ aud, exp, iat }: JsonObject, audience: string, nowS: number): string | undefined {
  if (aud !== audience) return "audience";
  if (typeof exp !== "number" || !Number.isFinite(exp) || exp <= nowS - SKEW_S) return "expired";
  if (exp > nowS + LIFE_S_MAX + SKEW_S) return "lifetime";
  if (iat !== undefined && (typeof iat !== "number" || !Number.isFinite(iat) || iat > nowS + SKEW_S)) return "issued-at";
  return undefined;
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

/** One part of a JWT as an object; undefined when it is none. */
export function decodePart(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
