import { existsSync, readdirSync } from "node:fs";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Binding } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import { closest } from "./suggest.ts";

const BINDINGS_DIR = fileURLToPath(new URL("../bindings/", import.meta.url));
/** `.ts` in a clone, `.js` in the published package. */
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";

/** The module of a binding's folder; a folder given by `ROLLCALL_BINDINGS` may hold either form. */
function moduleIn(folder: string): string | undefined {
  return [EXTENSION, "ts", "js"].map((extension) => join(folder, `binding.${extension}`)).find((path) => existsSync(path));
}

function folders(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (existsSync(BINDINGS_DIR)) {
    for (const entry of readdirSync(BINDINGS_DIR, { withFileTypes: true })) {
      const folder = join(BINDINGS_DIR, entry.name);
      if (entry.isDirectory() && moduleIn(folder) !== undefined) found.set(entry.name, folder);
    }
  }
  for (const path of (process.env["ROLLCALL_BINDINGS"] ?? "").split(delimiter)) {
    if (path.trim() === "") continue;
    const folder = resolve(path.trim());
    if (moduleIn(folder) === undefined) {
      throw new HarnessError("usage", `ROLLCALL_BINDINGS names ${folder}, which holds no binding.ts`, {
        hint: `give folders of bindings, separated by "${delimiter}"`,
      });
    }
    found.set(basename(folder), folder);
  }
  return found;
}

/** Names of all bindings: the folders of `src/bindings/` and those listed in `ROLLCALL_BINDINGS`, sorted. */
export function bindingNames(): string[] {
  return [...folders().keys()].sort();
}

/**
 * The folder of a binding; it holds `binding.ts` and `reference/`.
 * @throws HarnessError `usage` for a name that no folder has.
 */
export function bindingFolder(name: string): string {
  const known = folders();
  const folder = known.get(name);
  if (folder !== undefined) return folder;
  const names = [...known.keys()];
  const near = closest(name, names);
  throw new HarnessError("usage", `there is no binding "${name}"`, {
    hint: near === undefined ? `bindings: ${names.sort().join(", ")}` : `did you mean "${near}"? bindings: ${names.sort().join(", ")}`,
  });
}

/**
 * Loads a binding by its folder's name.
 * @throws HarnessError `usage` for unknown names, `internal` when the folder's module exports no `binding`.
 */
export async function loadBinding(name: string): Promise<Binding> {
  const path = moduleIn(bindingFolder(name));
  if (path === undefined) throw new HarnessError("internal", `the folder of binding "${name}" has lost its module`);
  const module = (await import(pathToFileURL(path).href)) as { readonly binding?: Binding };
  if (module.binding === undefined) throw new HarnessError("internal", `${path} exports no "binding"`);
  const inNode = [EXTENSION, "ts", "js"].map((extension) => join(dirname(path), `node.${extension}`)).find((file) => existsSync(file));
  if (inNode === undefined) return module.binding;
  const plug = (await import(pathToFileURL(inNode).href)) as { readonly inNode?: Partial<Binding> };
  return { ...module.binding, ...plug.inNode };
}
