import { describe, expect, it } from "vitest";
import { redact, redactAll } from "./redact.ts";

const JWT =
  "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJkaWQ6cGxjOmFiYyIsImV4cCI6MTIzfQ.c2lnbmF0dXJlLW9mLTY0LWJ5dGVzLXdoaWNoLWlzLWxvbmc";
const hex = (text: string): string => Array.from(text, (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");

describe("redact", () => {
  it.each([
    ["a token", `refused ${JWT}!`, "refused …!"],
    ["a token without a signature", `refused ${JWT.split(".").slice(0, 2).join(".")}.`, "refused …"],
    ["a token that was cut off", `refused ${JWT.slice(0, 50)}`, "refused …"],
    ["a token in a frame in hexadecimal", `8101${hex(JWT)}c0ff`, "8101…c0ff"],
    ["an authorization header", "Bearer abc_def-0123", "Bearer …"],
    ["a query", "/ws?authToken=s3cret&room=1", "/ws?authToken=…&room=1"],
    ["a cookie", "authToken=s%3Aabc; Path=/", "authToken=…; Path=/"],
    ["a member of JSON", '{"token":"abc","password": "x y"}', '{"token":"…","password": "…"}'],
    ["a member of JSON inside JSON", '"{\\"accessJwt\\":\\"abc\\"}"', '"{\\"accessJwt\\":\\"…\\"}"'],
    ["a random token", `authorization, ${"0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEFGHJK"}`, "authorization, …"],
  ])("takes out %s", (_what, text, told) => {
    expect(redact(text)).toBe(told);
  });

  it.each([
    "did:plc:chhiza2uovenrjzv7mdm364o of member-3.rollcall.test",
    "com.atproto.server.getServiceAuth answered 401",
    "leaf:0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjg",
    "room 47b336bb-d552-49fd-b0f0-e1a632499cc4, client 195, seed 95c513c20ea9",
    "https://rooms.example.com/api/v1/rooms?page=2",
    '{"run":"r1","author":3,"n":17,"sum":"1f2e3d4c"}',
    "the token is refused: tokens live 30 s",
  ])("leaves %s", (text) => {
    expect(redact(text)).toBe(text);
  });

  it("goes through a whole value", () => {
    expect(redactAll({ a: [JWT, 1, null, { b: `x ${JWT}` }], c: true })).toEqual({ a: ["…", 1, null, { b: "x …" }], c: true });
  });
});
