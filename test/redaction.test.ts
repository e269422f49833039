import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { openPool } from "../fixtures/identities/index.ts";
import { CHUNK_HEADER_BYTES, MAGIC } from "../src/recording/format.ts";

/**
 * No private key, token or JWT leaves a run: the doorman says aloud what it is shown, in answers, frames and its log, and
 * tells the test in a file of its own what that was. None of it may be in what a user keeps or posts.
 */
const root = join(import.meta.dirname, "..");
const out = mkdtempSync(join(tmpdir(), "rollcall-redaction-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** What is left of the server's words; texts are held byte for byte here. */
const QUOTED = Buffer.from("you said …").toString("latin1");

/** Identities that the runs can have used. */
const IDENTITIES = 80;

function rollcall(name: string, ...words: string[]): { readonly status: number | null; readonly texts: ReadonlyMap<string, string> } {
  const folder = join(out, name);
  mkdirSync(folder);
  const env = {
    ...process.env,
    ROLLCALL_BINDINGS: join(root, "fixtures", "bindings", "doorman"),
    ROLLCALL_CACHE: join(out, "cache"),
    SHOWN: join(out, `${name}.shown`),
    NO_COLOR: "1",
    ROLLCALL_DEBUG: "1",
  };
  const run = spawnSync(process.execPath, [join(root, "bin", "rollcall.js"), ...words, "--out", folder], {
    cwd: out,
    env,
    encoding: "utf8",
    timeout: 170_000,
  });
  const files = globSync("**/*", { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  const texts = new Map(paths.map((path) => [path, textOf(readFileSync(path))]));
  return { status: run.status, texts: texts.set("terminal", run.stdout + run.stderr) };
}

/** A file's bytes as text; of a recording, its chunks unpacked. */
function textOf(bytes: Buffer): string {
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return bytes.toString("latin1");
  const chunks: string[] = [];
  for (let at = MAGIC.length; at + CHUNK_HEADER_BYTES <= bytes.length;) {
    const from = at + CHUNK_HEADER_BYTES;
    const to = from + bytes.readUInt32LE(at + 4);
    chunks.push(zstdDecompressSync(bytes.subarray(from, to)).toString("latin1"));
    at = to;
  }
  return chunks.join("\n");
}

/** A secret in every form in which it could stand somewhere. */
function formsOf(secret: Buffer): readonly string[] {
  const hex = secret.toString("hex");
  return [secret.toString("latin1"), hex, hex.toUpperCase(), secret.toString("base64").replace(/=+$/, ""), secret.toString("base64url")];
}

async function secretsOf(name: string): Promise<{ readonly tokens: readonly string[]; readonly forms: readonly string[] }> {
  const tokens = [
    ...new Set(
      readFileSync(join(out, `${name}.shown`), "utf8")
        .split("\n")
        .filter((line) => line.length > 20),
    ),
  ];
  const pool = await openPool({ dir: join(out, "cache") });
  const keys = await Promise.all(
    Array.from({ length: IDENTITIES }, async (_, index) => Buffer.from((await pool.identity(index)).privateKey)),
  );
  // Of a token the signature is what must not be known; the rest of it says only what the report says too.
  const signatures = tokens.map((token) => token.split(".")[2] ?? "").filter((signature) => signature.length > 20);
  expect(signatures.length).toBeGreaterThan(0);
  return { tokens, forms: [...signatures.map((text) => Buffer.from(text)), ...keys].flatMap(formsOf) };
}

function expectNone(
  texts: ReadonlyMap<string, string>,
  secrets: { readonly tokens: readonly string[]; readonly forms: readonly string[] },
): void {
  const found = [...texts].flatMap(([path, text]) => {
    const said = [...secrets.tokens, ...secrets.forms].filter((form) => text.includes(form)).length;
    const looks = /eyJ[\w-]{20,}\.[\w-]{20,}/.test(text) || /-----BEGIN [A-Z ]*PRIVATE KEY/.test(text);
    return said > 0 || looks ? [`${path}: ${said} secrets${looks ? ", and what looks like one" : ""}`] : [];
  });
  expect(found).toEqual([]);
}

test("a check of a server that quotes every token keeps them to itself", { timeout: 180_000 }, async () => {
  const { status, texts } = rollcall("check", "check", "doorman", "--mutant", "says-tokens-aloud");
  // The server is found out, with a witness: the redaction is not that nothing is shown.
  expect(status, texts.get("terminal")).toBe(1);
  const result = [...texts].find(([path]) => path.endsWith("result.json"))?.[1] ?? "";
  expect(result).toContain(QUOTED);
  expect(texts.size).toBeGreaterThan(5);
  expectNone(texts, await secretsOf("check"));
});

test("so does a check that passes", { timeout: 180_000 }, async () => {
  const { status, texts } = rollcall("pass", "check", "doorman");
  expect(status, texts.get("terminal")).toBe(0);
  expectNone(texts, await secretsOf("pass"));
});

test("so does a recorded load run", { timeout: 180_000 }, async () => {
  const words = ["--clients", "20", "--rooms", "4", "--rate", "1", "--duration", "2s", "--ramp", "1s"];
  const recording = join(out, "load", "recording");
  const { texts } = rollcall(
    "load",
    "load",
    "watch-party",
    "--target",
    "doorman",
    "--mutant",
    "says-tokens-aloud",
    ...words,
    "--record",
    recording,
  );
  const recorded = [...texts].filter(([path]) => path.startsWith(recording)).map(([, text]) => text);
  expect(recorded.join(), texts.get("terminal")).toContain(QUOTED);
  expectNone(texts, await secretsOf("load"));
});
