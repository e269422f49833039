import { verify } from "node:crypto";
import type { Resolver, SigningKey } from "./did.ts";
import type { Faults } from "./faults.ts";

/** Why a JWT is refused (Y-8). */
export type JwtRefusal =
  | "jwt-missing"
  | "jwt-malformed"
  | "jwt-expired"
  | "jwt-lifetime"
  | "jwt-audience"
  | "jwt-method"
  | "jwt-algorithm"
  | "jwt-signature"
  | "did-unresolvable"
  | "identity-unavailable";

export type JwtOutcome = { readonly did: string } | { readonly refusal: JwtRefusal; readonly did?: string };

const JWT_BYTES_MAX = 8 * 1024;
const LEEWAY_S = 5;
const LIFE_S_MAX = 3_600;

/** Half of the curve's order: only the lower of the two `s` that verify is taken. */
const HALF_ORDER = {
  ES256: 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n,
  ES256K: 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n,
} as const satisfies Record<SigningKey["algorithm"], bigint>;

interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** The check of a service JWT in the order of Y-8: form, times, audience, method, known algorithm; then key and signature. */
export async function checkJwt(
  authorization: string | undefined,
  wanted: { readonly audience: string; readonly method: string },
  resolver: Resolver,
  is: Faults,
): Promise<JwtOutcome> {
  const text = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
  if (text === undefined) return { refusal: "jwt-missing" };
  const jwt = parse(text);
  if (jwt === undefined) return { refusal: "jwt-malformed" };
  const { iss, exp, aud, lxm } = jwt.claims;
  if (typeof iss !== "string" || !/^did:[a-z]+:[^#?/\s]+$/.test(iss) || typeof exp !== "number" || !Number.isFinite(exp))
    return { refusal: "jwt-malformed" };
  const refuse = (refusal: JwtRefusal): JwtOutcome => ({ refusal, did: iss });
  const late = times(jwt.claims, Date.now() / 1_000);
  if (late !== undefined && !(late === "jwt-expired" && is("expiry-is-not-checked") && exp > Date.now() / 1_000 - 30)) return refuse(late);
  if (aud !== wanted.audience && aud !== `${wanted.audience}#roomy_syncserver`) return refuse("jwt-audience");
  if (lxm !== wanted.method && !(is("method-is-not-checked") && lxm === undefined)) return refuse("jwt-method");
  const { alg } = jwt.header;
  if (alg !== "ES256" && alg !== "ES256K") return refuse("jwt-algorithm");
  const key = await resolver.key(iss);
  if (key === "unresolvable") return refuse("did-unresolvable");
  if (key === "unavailable") return refuse("identity-unavailable");
  if ([key, ...resolver.retired(iss)].some((each) => fits(jwt, alg, each, is))) return { did: iss };
  // A key that does not fit may have been replaced since: the document is asked for once more.
  const fresh = await resolver.fresh(iss, key);
  if (fresh === "unresolvable") return refuse("did-unresolvable");
  if (fresh === "unavailable") return refuse("identity-unavailable");
  if (fresh !== undefined && fits(jwt, alg, fresh, is)) return { did: iss };
  return refuse((fresh ?? key).algorithm === alg ? "jwt-signature" : "jwt-algorithm");
}

function times({ exp, iat, nbf }: Jwt["claims"], nowS: number): JwtRefusal | undefined {
  if (typeof exp !== "number" || exp <= nowS - LEEWAY_S) return "jwt-expired";
  for (const time of [iat, nbf]) if (time !== undefined && (typeof time !== "number" || time > nowS + LEEWAY_S)) return "jwt-lifetime";
  return exp > nowS + LIFE_S_MAX + LEEWAY_S ? "jwt-lifetime" : undefined;
}

function fits({ signed, signature }: Jwt, alg: SigningKey["algorithm"], { algorithm, key }: SigningKey, is: Faults): boolean {
  if (algorithm !== alg || signature.length !== 64) return false;
  if (is("any-key-for-p256") && alg === "ES256") return true;
  if (BigInt(`0x${signature.toString("hex", 32)}`) > HALF_ORDER[alg] && !is("high-s-is-taken")) return false;
  return verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, signature);
}

function parse(text: string): Jwt | undefined {
  const [header, claims, signature, more] = text.split(".");
  if (header === undefined || claims === undefined || signature === undefined || more !== undefined) return undefined;
  if (text.length > JWT_BYTES_MAX || !/^[A-Za-z0-9_-]+$/.test(header + claims) || !/^[A-Za-z0-9_-]*$/.test(signature)) return undefined;
  const parts = [header, claims].map(object);
  const [decodedHeader, decodedClaims] = parts;
  if (decodedHeader === undefined || decodedClaims === undefined) return undefined;
  if (decodedHeader["typ"] !== undefined && decodedHeader["typ"] !== "JWT") return undefined;
  return {
    header: decodedHeader,
    claims: decodedClaims,
    signed: Buffer.from(`${header}.${claims}`),
    signature: Buffer.from(signature, "base64url"),
  };
}

function object(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
