import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

/** Files of the house; tests and their oracles may look anywhere, so they are left out. */
const FILES = globSync("{src,conformance,scenarios,fixtures,reports}/**/*.ts").filter(
  (path) => !/\.test\.ts$|\/oracles\/|^fixtures\/bindings\//.test(path),
);

/** Which rooms a room may look into beside itself. `bindings/<name>` stands for each binding alone. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  checkers: ["core"],
  load: ["core"],
  faults: ["core"],
  bindings: ["core"],
  websocket: ["core"],
  recording: ["core"],
  referee: ["core", "checkers", "load"],
  engines: ["websocket", "core", "faults", "load"],
  targets: ["core"],
  scenarios: ["core", "checkers", "faults", "load"],
  fixtures: ["core"],
  reports: ["core"],
  conformance: ["core", "checkers", "faults", "load"],
  cli: [
    "core",
    "checkers",
    "load",
    "faults",
    "bindings",
    "engines",
    "recording",
    "referee",
    "targets",
    "scenarios",
    "fixtures",
    "reports",
    "conformance",
  ],
  index: ["core", "cli", "targets", "reports"],
};

/** Rooms that run in any JavaScript engine: no npm package, no module of Node. */
const PORTABLE = new Set(["core", "checkers", "load", "scenarios"]);

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Static, dynamic and re-exporting imports, type imports among them: they point as surely as the others. */
const IMPORT = /(?:^|[\s;}])(?:import|export)\s*(?:[\w*{}\s,$]+\s+from\s*)?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']\s*\)/g;

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

function importsOf(file: string): Import[] {
  return [...withoutComments(readFileSync(file, "utf8")).matchAll(IMPORT)].map((match) => ({ from: file, to: match[1] ?? match[2] ?? "" }));
}

/** Room of a file: the folder under `src/`, or the folder at the top. */
function roomOf(file: string): string {
  const parts = file.split("/");
  const room = parts[0] === "src" ? (parts[1] ?? "") : (parts[0] ?? "");
  return room.replace(/\.ts$/, "");
}

function bindingOf(file: string): string | undefined {
  return /^src\/bindings\/([^/]+)\//.exec(file)?.[1];
}

const imports = FILES.flatMap((file) => importsOf(file));
const inside = imports.filter(({ to }) => to.startsWith(".")).map(({ from, to }) => ({ from, to: normalize(join(dirname(from), to)) }));

/** What the arrows forbid, as `file -> file`. */
function breaches(pairs: readonly Import[]): string[] {
  return pairs
    .filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      if (room === "bindings" && other === "bindings") return bindingOf(from) !== bindingOf(to);
      // An entry for k6 wires what it runs, as the command line does.
      if (from.endsWith(".k6.ts") && (other === "bindings" || other === "cli")) return false;
      return room !== other && !(ARROWS[room] ?? []).includes(other);
    })
    .map(({ from, to }) => `${from} -> ${to}`);
}

describe("the arrows between rooms", () => {
  test("are looked at: every file imports or is core, and hundreds of imports are seen", () => {
    expect(FILES.length).toBeGreaterThan(50);
    expect(inside.length).toBeGreaterThan(100);
    expect(imports.some(({ from }) => from.startsWith("src/bindings/"))).toBe(true);
  });

  test("point only where they may", () => {
    expect(breaches(inside)).toEqual([]);
  });

  test("are seen in every form of import, and a wrong one is named", () => {
    const text = `import "./a.ts";\nimport type { B } from "./b.ts";\nexport * from "./c.ts";\nexport { d } from './d.ts';\nconst e = await import("./e.ts");\nlet f: import("./f.ts").F;\nimport {\n  g,\n} from "./g.ts";\n// import "./no.ts";`;
    expect([...withoutComments(text).matchAll(IMPORT)].map((match) => match[1] ?? match[2])).toEqual(
      ["a", "b", "c", "d", "e", "f", "g"].map((name) => `./${name}.ts`),
    );
    expect(breaches([{ from: "src/core/op.ts", to: "src/cli/main.ts" }])).toHaveLength(1);
    expect(breaches([{ from: "src/bindings/a/x.ts", to: "src/bindings/b/y.ts" }])).toHaveLength(1);
  });

  test("have a literal .ts at their end", () => {
    expect(imports.filter(({ to }) => to.startsWith(".") && !to.endsWith(".ts")).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("lead to no package and no module of Node from portable rooms", () => {
    const outside = imports.filter(({ from, to }) => {
      const isPortable = PORTABLE.has(roomOf(from)) || (bindingOf(from) !== undefined && !/\/(reference|node)\/|\/node\.ts$/.test(from));
      return isPortable && !from.endsWith(".k6.ts") && !to.startsWith(".");
    });
    expect(outside.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  test("name modules of Node with node:", () => {
    expect(
      imports.filter(({ to }) => !to.startsWith("node:") && builtinModules.includes(to)).map(({ from, to }) => `${from} -> ${to}`),
    ).toEqual([]);
  });
});
