import http from "k6/http";
import { encodeUtf8 } from "../../core/utf8.ts";
import type { Credential } from "../../core/session.ts";
import type { CredentialSpec } from "../../core/target.ts";

/** A user whose key k6 can sign with: P-256 alone, WebCrypto has no k256. */
export interface SigningUser {
  readonly user: string;
  /** Private key as a JWK. */
  readonly jwk: Readonly<Record<string, string>>;
}

/** What a prepared file holds of each client, by its number: how it shows who it is, or a key that signs it. */
export type PreparedUser = Credential | SigningUser | null;

/** Where credentials come from; the first that has one for a client. */
export interface CredentialSources {
  readonly prepared: readonly PreparedUser[];
  /** Base URL of a process that mints them: `GET <broker>/credential/<client>`. */
  readonly broker: string | undefined;
  readonly spec: Pick<CredentialSpec, "recipe" | "audience" | "method" | "show" | "nameQuery">;
}

const TOKEN_LIFE_S = 60;
const BROKER_MS_MAX = 30_000;
const ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/** Credentials of clients in k6. @throws Error, in words for the run's notes, when a client has none. */
export function createK6Credentials(
  { prepared, broker, spec }: CredentialSources,
  nowMs: () => number,
): (client: number) => Promise<Credential> {
  const keys = new Map<number, Promise<WebKey>>();
  return async (client) => {
    const user = prepared[client] ?? undefined;
    if (user !== undefined && "jwk" in user) {
      const key = keys.get(client) ?? importKey(user.jwk);
      keys.set(client, key);
      return shown(spec.show, user.user, await tokenOf(user.user, await key, spec, Math.floor(nowMs() / 1000)));
    }
    if (user !== undefined) return user;
    if (broker !== undefined) return askBroker(broker, client);
    if (spec.recipe === "none") {
      const name = `member-${client}`;
      return { user: name, headers: {}, query: { [spec.nameQuery]: name }, protocols: [] };
    }
    throw new Error(
      `client ${client} has no credential: give -e CREDENTIALS=<file> (docs/k6.md), or run it by rollcall load --engine k6, which mints them`,
    );
  };
}

async function askBroker(broker: string, client: number): Promise<Credential> {
  const answer = await http.asyncRequest("GET", `${broker}/credential/${client}`, null, {
    timeout: BROKER_MS_MAX,
    tags: { name: "rollcall broker" },
    responseType: "text",
  });
  if (answer.status !== 200 || answer.body === null)
    throw new Error(`no credential for client ${client}: ${answer.status} ${answer.error}`);
  return JSON.parse(answer.body) as Credential;
}

function shown(show: string, user: string, token: string): Credential {
  const [, kind, name] = /^(query|cookie):(.+)$/.exec(show) ?? [];
  if (kind === "query" && name !== undefined) return { user, headers: {}, query: { [name]: token }, protocols: [] };
  if (kind === "cookie" && name !== undefined) return { user, headers: { cookie: `${name}=${token}` }, query: {}, protocols: [] };
  return { user, headers: { authorization: `Bearer ${token}` }, query: {}, protocols: [] };
}

/** The part of WebCrypto that is used; opaque key. */
type WebKey = { readonly type: string };
interface WebCrypto {
  readonly subtle: {
    importKey(format: "jwk", key: object, algorithm: object, extractable: boolean, usages: readonly string[]): Promise<WebKey>;
    sign(algorithm: object, key: WebKey, data: Uint8Array): Promise<ArrayBuffer>;
  };
  getRandomValues(bytes: Uint8Array): Uint8Array;
}

function webCrypto(): WebCrypto {
  return (globalThis as unknown as { readonly crypto: WebCrypto }).crypto;
}

function importKey(jwk: SigningUser["jwk"]): Promise<WebKey> {
  return webCrypto().subtle.importKey("jwk", { ...jwk }, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
}

/** A service token of the AT Protocol: ES256, with the lower of the two values that `s` can have. */
async function tokenOf(user: string, key: WebKey, spec: CredentialSources["spec"], issuedAtS: number): Promise<string> {
  const claims = {
    iss: user,
    aud: spec.audience,
    ...(spec.method === null ? {} : { lxm: spec.method }),
    iat: issuedAtS,
    exp: issuedAtS + TOKEN_LIFE_S,
    jti: hex(webCrypto().getRandomValues(new Uint8Array(16))),
  };
  const signed = `${base64url(encodeUtf8(JSON.stringify({ typ: "JWT", alg: "ES256" })))}.${base64url(encodeUtf8(JSON.stringify(claims)))}`;
  const raw = await webCrypto().subtle.sign({ name: "ECDSA", hash: { name: "SHA-256" } }, key, encodeUtf8(signed));
  return `${signed}.${base64url(lowS(new Uint8Array(raw)))}`;
}

function lowS(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${hex(signature.subarray(32))}`);
  if (s <= ORDER / 2n) return signature;
  const turned = (ORDER - s).toString(16).padStart(64, "0");
  const low = signature.slice();
  for (let index = 0; index < 32; index += 1) low[32 + index] = Number.parseInt(turned.slice(2 * index, 2 * index + 2), 16);
  return low;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function base64url(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
    const bits = (first << 16) | (second << 8) | third;
    const letters = Math.min(4, bytes.length - at + 1);
    for (let letter = 0; letter < letters; letter += 1) text += ALPHABET.charAt((bits >> (18 - 6 * letter)) & 63);
  }
  return text;
}
