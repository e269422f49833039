import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { formatDidDoc } from "@did-plc/lib";
import { P256Keypair, Secp256k1Keypair } from "@atproto/crypto";
import { expect, test } from "vitest";
import { listen, serve } from "./testing.ts";

const AUDIENCE = "did:web:rooms.example";
const ORDER = {
  ES256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  ES256K: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
};

type Keypair = P256Keypair | Secp256k1Keypair;

interface User {
  readonly did: string;
  readonly keys: Keypair;
}

/** A directory that serves the legacy document shape, as the PLC server does; counts what it is asked. */
async function directory(users: readonly User[]): Promise<{ url: string; asked: string[]; [Symbol.asyncDispose]: () => Promise<void> }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const did = (request.url ?? "").slice(1);
    asked.push(did);
    const user = users.find((known) => known.did === did);
    const document =
      user && formatDidDoc({ did, rotationKeys: [], verificationMethods: { atproto: user.keys.did() }, alsoKnownAs: [], services: {} });
    response.writeHead(document === undefined ? 404 : 200).end(JSON.stringify(document ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function user(curve: "k256" | "p256", letter: string): Promise<User> {
  return { did: `did:plc:${letter.repeat(24)}`, keys: await (curve === "k256" ? Secp256k1Keypair : P256Keypair).create() };
}

async function mint({ did, keys }: User, over: object = {}, header: object = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ typ: "JWT", alg: keys.jwtAlg, ...header })}.${part({ iss: did, aud: AUDIENCE, iat: now, exp: now + 60, jti: "x", ...over })}`;
  return `${text}.${Buffer.from(await keys.sign(Buffer.from(text))).toString("base64url")}`;
}

function highS(token: string, algorithm: keyof typeof ORDER): string {
  const cut = token.lastIndexOf(".");
  const signature = Buffer.from(token.slice(cut + 1), "base64url");
  const s = ORDER[algorithm] - BigInt(`0x${signature.subarray(32).toString("hex")}`);
  return `${token.slice(0, cut)}.${Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, "0"), "hex")]).toString("base64url")}`;
}

test("a service JWT of either curve is taken in query, cookie and header, and its issuer is the user", async () => {
  const [ann, bob] = [await user("k256", "a"), await user("p256", "b")];
  await using dids = await directory([ann, bob]);
  await using server = await serve({ RECIPE: "serviceJwt", DIRECTORY_URL: dids.url });
  const post = async (who: User): Promise<unknown> => {
    const answer = await fetch(`${server.url}/rooms?authToken=${await mint(who)}`, { method: "POST", body: '{"name":"abc"}' });
    return answer.json();
  };
  const room = await post(ann);
  expect(room).toMatchObject({ hostId: ann.did });
  expect(await post(bob)).toMatchObject({ hostId: bob.did });
  const status = async (headers: Record<string, string>): Promise<number> => (await fetch(`${server.url}/rooms`, { headers })).status;
  expect(await status({ cookie: `a=1; authToken=${await mint(ann)}` })).toBe(200);
  expect(await status({ authorization: `Bearer ${await mint(ann)}` })).toBe(200);
  expect(await status({ authorization: await mint(ann) })).toBe(200);
  expect(await status({})).toBe(401);
  const ear = await listen(server.url, `/rooms/${String(Reflect.get(room as object, "roomId"))}/ws?authToken=${await mint(bob)}`);
  expect((await ear.next("USER_JOINED")).payload).toEqual({ userId: bob.did, memberCount: 2 });
});

test("look-ups are shared and remembered", async () => {
  const ann = await user("k256", "a");
  await using dids = await directory([ann]);
  await using server = await serve({ RECIPE: "serviceJwt", DIRECTORY_URL: dids.url });
  const tokens = await Promise.all(Array.from({ length: 20 }, () => mint(ann)));
  const answers = await Promise.all(tokens.map((token) => fetch(`${server.url}/rooms?authToken=${token}`)));
  expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 200));
  expect(dids.asked).toEqual([ann.did]);
});

test("a token that is wrong in any one way is refused with 401", async () => {
  const [ann, bob] = [await user("k256", "a"), await user("p256", "b")];
  await using dids = await directory([ann, bob]);
  await using server = await serve({ RECIPE: "serviceJwt", DIRECTORY_URL: dids.url });
  const now = Math.floor(Date.now() / 1_000);
  const wrong: Record<string, string> = {
    audience: await mint(ann, { aud: "did:web:other.example" }),
    expired: await mint(ann, { exp: now - 10 }),
    "lives too long": await mint(ann, { exp: now + 600 }),
    "issued in the future": await mint(ann, { iat: now + 30 }),
    "no expiry": await mint(ann, { exp: null }),
    fragment: await mint(ann, { iss: `${ann.did}#atproto` }),
    "unknown issuer": await mint({ ...ann, did: `did:plc:${"c".repeat(24)}` }),
    "somebody else's key": await mint({ did: bob.did, keys: ann.keys }),
    "algorithm of the other curve": await mint(ann, {}, { alg: "ES256" }),
    "no algorithm": await mint(ann, {}, { alg: "none" }),
    "high S, k256": highS(await mint(ann), "ES256K"),
    "high S, p256": highS(await mint(bob), "ES256"),
    "not a token": "abc",
  };
  for (const [what, token] of Object.entries(wrong)) {
    expect((await fetch(`${server.url}/rooms?authToken=${token}`)).status, what).toBe(401);
  }
  expect((await fetch(`${server.url}/rooms?authToken=${await mint(bob)}`)).status).toBe(200);
});

test("a directory that is gone is not the user's fault", async () => {
  const ann = await user("k256", "a");
  await using server = await serve({ RECIPE: "serviceJwt", DIRECTORY_URL: "http://127.0.0.1:9" });
  expect((await fetch(`${server.url}/rooms?authToken=${await mint(ann)}`)).status).toBe(503);
});

test("accounts register, log in, and are refused in the ways of the wire", async () => {
  await using server = await serve({ RECIPE: "account" });
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${server.url}/auth/${path}`, { method: "POST", body: JSON.stringify(body) });
  const ann = { username: "annie", password: "secret1", email: "ann@example.com" };
  expect((await post("register", { ...ann, username: "abc" })).status).toBe(422);
  expect((await post("register", { ...ann, email: "no" })).status).toBe(422);
  const made = await post("register", ann);
  const account: unknown = await made.json();
  expect(account).toMatchObject({ username: "annie", email: "ann@example.com" });
  expect((await post("register", ann)).status).toBe(409);
  expect((await post("login", { ...ann, password: "wrong-one" })).status).toBe(401);
  const cookie = (await post("login", ann)).headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^authToken=[^;]+; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/);
  const token = /authToken=([^;]+)/.exec(cookie)?.[1] ?? "";
  const room = await fetch(`${server.url}/rooms`, {
    method: "POST",
    body: '{"name":"abc"}',
    headers: { cookie: `authToken=${encodeURIComponent(`${token}.signature`)}` },
  });
  expect(await room.json()).toMatchObject({ hostId: Reflect.get(account as object, "id") });
  expect((await fetch(`${server.url}/rooms?authToken=${token}x`)).status).toBe(401);
  expect((await post("logout", {})).headers.get("set-cookie")).toMatch(/^authToken=; Max-Age=0/);
});
