import { dirname } from "node:path";
import type { Binding } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import { readResult, renderCtrf, renderHtml, renderJUnit, renderMarkdown, renderTerminal, writeReports } from "../../reports/index.ts";
import { scenarios } from "../../scenarios/index.ts";
import { bold, wantsColour } from "./progress.ts";
import { bindingNames, loadBinding } from "./registry.ts";
import { explainText, specMarkdown, specText } from "./spec.ts";
import { closest } from "./suggest.ts";

type Flags = Readonly<Record<string, unknown>>;

async function bindings(name: string | undefined): Promise<readonly Binding[]> {
  return Promise.all((name === undefined ? bindingNames() : [name]).map((each) => loadBinding(each)));
}

/** `rollcall spec`. */
export async function runSpec(name: string | undefined, flags: Flags): Promise<void> {
  const found = await bindings(name);
  if (flags["json"] === true)
    process.stdout.write(
      `${JSON.stringify(
        found.flatMap(({ requirements }) => requirements),
        null,
        2,
      )}\n`,
    );
  else process.stdout.write(found.map((binding) => (flags["markdown"] === true ? specMarkdown(binding) : specText(binding))).join("\n"));
}

/** `rollcall explain`. */
export async function runExplain(id: string): Promise<void> {
  const [all, { allCases }] = await Promise.all([bindings(undefined), import("./cases.ts")]);
  const wanted = id.toUpperCase();
  for (const binding of all) {
    const requirement = binding.requirements.find((each) => each.id === wanted);
    if (requirement === undefined) continue;
    const cases = (await allCases(binding)).filter(({ ids }) => ids.includes(requirement.id)).map(({ name }) => name);
    process.stdout.write(explainText(binding, requirement, cases));
    return;
  }
  const near = closest(
    wanted,
    all.flatMap(({ requirements }) => requirements.map((each) => each.id)),
  );
  throw new HarnessError("usage", `there is no requirement ${id}`, {
    hint: near === undefined ? "`rollcall spec` lists them" : `did you mean ${near}?`,
  });
}

/** `rollcall list`. */
export async function runList(flags: Flags): Promise<void> {
  const found = await bindings(undefined);
  if (flags["json"] === true) {
    const data = {
      bindings: found.map(({ manifest, requirements, mutants }) => ({
        ...manifest,
        requirements: requirements.length,
        mutants: mutants.map(({ id }) => id),
      })),
      scenarios: scenarios.map(({ name, summary, defaults, objectives }) => ({ name, summary, defaults, objectives })),
    };
    process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
    return;
  }
  const lines = [
    bold("Bindings"),
    ...found.map(({ manifest, requirements }) => `  ${manifest.name.padEnd(16)} ${manifest.summary} (${requirements.length} requirements)`),
  ];
  lines.push("", bold("Scenarios"), ...scenarios.map(({ name, summary }) => `  ${name.padEnd(16)} ${summary}`));
  for (const { manifest, mutants } of found) {
    const width = Math.max(...mutants.map(({ id }) => id.length));
    lines.push("", bold(`Mutants of ${manifest.name}`), ...mutants.map(({ id, summary }) => `  ${id.padEnd(width)}  ${summary}`));
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** `rollcall report`: all formats beside the result, or one on stdout. */
export async function runReport(path: string, flags: Flags): Promise<void> {
  const result = await readResult(path);
  const formats = {
    terminal: () => renderTerminal(result, { colour: wantsColour() }),
    html: () => renderHtml(result),
    junit: () => renderJUnit(result),
    markdown: () => renderMarkdown(result),
    ctrf: () => renderCtrf(result),
  } as const;
  const format = flags["format"];
  if (typeof format !== "string") {
    const out = typeof flags["out"] === "string" ? flags["out"] : path.endsWith(".json") ? dirname(path) : path;
    const paths = await writeReports(result, out);
    process.stdout.write(`${Object.values(paths).join("\n")}\n`);
    return;
  }
  const render = Object.entries(formats).find(([name]) => name === format)?.[1];
  if (render === undefined)
    throw new HarnessError("usage", `there is no format "${format}"`, { hint: `formats: ${Object.keys(formats).join(", ")}` });
  process.stdout.write(render());
}
