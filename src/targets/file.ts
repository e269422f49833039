import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { type Document, LineCounter, type Node, type ParsedNode, isMap, isScalar, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { HarnessError } from "../core/errors.ts";
import { type TargetFileData, parseTargetData } from "./schema.ts";

/** A target file, parsed; `folder` is what its relative paths are relative to. */
export interface TargetFile {
  readonly path: string;
  readonly folder: string;
  readonly name: string;
  readonly data: TargetFileData;
}

/** Target files are written by hand: anything larger is the wrong file. */
const FILE_BYTES_MAX = 1_000_000;
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

interface Place {
  readonly offset: number | undefined;
  readonly text: string;
}

function offsetOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

function report(path: string, lines: LineCounter, places: readonly Place[]): HarnessError {
  const text = places.map(({ offset, text }) => {
    if (offset === undefined) return `${path}: ${text}`;
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}: ${text}`;
  });
  return new HarnessError("usage", text.join("\n"), { hint: "`rollcall init` writes a commented target file to compare with" });
}

/** Fills in `${NAME}` and `${NAME:-otherwise}` in every text value; gives the places of variables that are not set. */
function fill(document: Document.Parsed, env: Readonly<Record<string, string | undefined>>): Place[] {
  const missing: Place[] = [];
  visit(document, {
    Scalar: (key, node) => {
      if (key === "key" || typeof node.value !== "string") return;
      node.value = node.value.replace(VARIABLE, (_, name: string, otherwise: string | undefined) => {
        const value = env[name] ?? otherwise;
        if (value === undefined) missing.push({ offset: offsetOf(node), text: `the environment variable ${name} is not set` });
        return value ?? "";
      });
    },
  });
  return missing;
}

/** The node an issue is about: the deepest one of its path that exists. */
function nodeAt(document: Document.Parsed, path: readonly PropertyKey[]): Node | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (node !== undefined && node !== null) return node as Node;
  }
  return document.contents ?? undefined;
}

function placeOf(document: Document.Parsed, issue: z.core.$ZodIssue): Place {
  const where = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const parent = issue.path.length === 0 ? document.contents : (document.getIn(issue.path, true) as ParsedNode | undefined);
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && issue.keys.includes(String(key.value))) : undefined;
    const inside = where === "" ? "" : ` in "${where}"`;
    return { offset: offsetOf(pair?.key), text: `unknown key ${issue.keys.map((key) => `"${key}"`).join(", ")}${inside}` };
  }
  return { offset: offsetOf(nodeAt(document, issue.path)), text: `${where === "" ? "the file" : `"${where}"`}: ${issue.message}` };
}

/**
 * Parses the text of a target file. `path` is for messages and for relative paths.
 * @throws HarnessError `usage`; its message has one line a mistake, each with line and column.
 */
export function parseTargetFile(text: string, path: string, env: Readonly<Record<string, string | undefined>>): TargetFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw report(
      path,
      lines,
      document.errors.map((error) => ({ offset: error.pos[0], text: error.message })),
    );
  }
  const missing = fill(document, env);
  if (missing.length > 0) throw report(path, lines, missing);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new HarnessError("usage", `${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const parsed = parseTargetData(value);
  if (!parsed.success)
    throw report(
      path,
      lines,
      parsed.error.issues.map((issue) => placeOf(document, issue)),
    );
  const data = parsed.data;
  const mistakes: Place[] = [];
  const at = (key: string): number | undefined => offsetOf(nodeAt(document, [key]));
  const ways = (["command", "start", "image", "compose", "reference"] as const).filter((key) => data[key] !== undefined);
  if (ways.length > 1) mistakes.push({ offset: at(ways[1] ?? "start"), text: `"${ways.join('" and "')}" exclude each other` });
  if (ways.length === 0 && data.url === undefined && mistakes.length === 0) {
    mistakes.push({ offset: undefined, text: 'says nothing to test: it needs "url", "start", "image", "compose" or "reference"' });
  }
  for (const way of ["image", "compose"] as const) {
    if (data[way] === undefined) continue;
    for (const key of ["url", "secondUrl", "directory", "pds"] as const)
      if (data[key] !== undefined) mistakes.push({ offset: at(key), text: `"${key}" is found by itself with "${way}"` });
  }
  if (data.reference !== undefined && data.url !== undefined)
    mistakes.push({ offset: at("url"), text: '"reference" has a URL of its own' });
  if (data.reference === undefined && data.replicas !== undefined)
    mistakes.push({
      offset: at("replicas"),
      text: '"replicas" goes with "reference"; two processes of your own are "url" and "secondUrl"',
    });
  if (data.reference === undefined && data.binding === undefined) mistakes.push({ offset: undefined, text: '"binding" is missing' });
  if (mistakes.length > 0) throw report(path, lines, mistakes);
  return { path, folder: dirname(resolve(path)), name: data.name ?? basename(path).replace(/\.ya?ml$/, ""), data };
}

/**
 * Reads and parses a target file.
 * @throws HarnessError `usage` when it can not be read or is no target file.
 */
export function readTargetFile(path: string, env: Readonly<Record<string, string | undefined>>): TargetFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === "ENOENT"
        ? "there is no such file"
        : code === "EISDIR"
          ? "it is a folder"
          : code === "EACCES"
            ? "no permission"
            : String(code);
    throw new HarnessError("usage", `${path}: can not be read: ${why}`, {
      cause: error,
      hint: "a target is a reference server's name or a YAML file",
    });
  }
  if (text.length > FILE_BYTES_MAX) throw new HarnessError("usage", `${path}: too large for a target file`);
  return parseTargetFile(text, path, env);
}
