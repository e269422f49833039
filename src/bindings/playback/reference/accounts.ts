import { createHmac, randomBytes, randomUUID, scrypt, timingSafeEqual } from "node:crypto";
import { decodePart, type TokenOutcome } from "./service-jwt.ts";
import { isObject } from "./wire.ts";

export interface Account {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly createdAt: string;
}

/** An HTTP answer of the auth routes: an account with its token, or why not. */
export type AccountOutcome =
  | { readonly kind: "account"; readonly account: Account; readonly token: string }
  | { readonly kind: "refused"; readonly status: number; readonly message: string };

/** Accounts in memory: they and their tokens end with the process. */
export interface Accounts {
  register(body: unknown, nowMs: number): Promise<AccountOutcome>;
  logIn(body: unknown, nowMs: number): Promise<AccountOutcome>;
  /** The user of a token of ours. */
  verify(token: string): TokenOutcome;
}

const ACCOUNTS_MAX = 100_000;
const TEXT_LENGTH_MAX = 256;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** 16 MiB and some 50 ms a hash: what OWASP names as least for scrypt's memory, on four threads of the pool. */
const SCRYPT = { N: 2 ** 14, r: 8, p: 1 } as const;

/** No accounts yet; tokens are HS256 JWTs under a secret of this process. */
export function createAccounts(): Accounts {
  const secret = randomBytes(32);
  const byName = new Map<string, Account & { readonly salt: Buffer; readonly hash: Buffer }>();
  const taken = new Set<string>();
  const sign = (text: string): Buffer => createHmac("sha256", secret).update(text).digest();
  const grant = ({ id, username, email, createdAt }: Account, nowMs: number): AccountOutcome => {
    const text = `${encodePart({ alg: "HS256", typ: "JWT" })}.${encodePart({ sub: id, email, iat: Math.floor(nowMs / 1_000) })}`;
    return { kind: "account", account: { id, username, email, createdAt }, token: `${text}.${sign(text).toString("base64url")}` };
  };
  return {
    register: async (body, nowMs) => {
      const username = textOf(body, "username", 4);
      const password = textOf(body, "password", 6);
      const email = textOf(body, "email", 3);
      if (username === undefined) return refused(422, "username must be a text of 4 characters or more");
      if (password === undefined) return refused(422, "password must be a text of 6 characters or more");
      if (email === undefined || !EMAIL.test(email)) return refused(422, "email must be an e-mail address");
      if (taken.has(username)) return refused(409, "User already exists");
      if (taken.size >= ACCOUNTS_MAX) return refused(503, "No more accounts");
      taken.add(username);
      const salt = randomBytes(16);
      const account = { id: randomUUID(), username, email, createdAt: new Date(Math.floor(nowMs)).toISOString() };
      byName.set(username, { ...account, salt, hash: await hashPassword(password, salt) });
      return grant(account, nowMs);
    },
    logIn: async (body, nowMs) => {
      const username = textOf(body, "username", 1);
      const password = textOf(body, "password", 1);
      if (username === undefined || password === undefined) return refused(422, "username and password are needed");
      const account = byName.get(username);
      const hash = await hashPassword(password, account?.salt ?? Buffer.alloc(16));
      if (account === undefined || !timingSafeEqual(hash, account.hash)) return refused(401, "Invalid credentials");
      return grant(account, nowMs);
    },
    verify: (token) => {
      const [header, claims, signature] = token.split(".");
      if (header === undefined || claims === undefined || signature === undefined) return { refusal: "malformed" };
      const given = Buffer.from(signature, "base64url");
      const right = sign(`${header}.${claims}`);
      if (given.length !== right.length || !timingSafeEqual(given, right)) return { refusal: "signature" };
      const userId = decodePart(claims)?.["sub"];
      return typeof userId === "string" ? { userId } : { refusal: "malformed" };
    },
  };
}

function refused(status: number, message: string): AccountOutcome {
  return { kind: "refused", status, message };
}

function textOf(body: unknown, field: string, lengthMin: number): string | undefined {
  const value = isObject(body) ? body[field] : undefined;
  return typeof value === "string" && value.length >= lengthMin && value.length <= TEXT_LENGTH_MAX ? value : undefined;
}

function encodePart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function hashPassword(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, SCRYPT, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
}
