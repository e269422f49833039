import { HarnessError } from "../core/errors.ts";
import type { CredentialSpec } from "../core/target.ts";
import { startTarget } from "../targets/index.ts";
import { startDirectory } from "../../fixtures/directory/index.ts";
import { openPool } from "../../fixtures/identities/index.ts";
import * as registry from "./registry.ts";
import { findMutant } from "./find-mutant.ts";

type Flags = Readonly<Record<string, unknown>>;

const RECIPES: readonly CredentialSpec["recipe"][] = ["serviceJwt", "account", "none"];
/** How often the server is looked at, to say when it died. */
const LOOK_MS = 500;

function recipeOf(flags: Flags): CredentialSpec["recipe"] {
  const wanted = typeof flags["recipe"] === "string" ? flags["recipe"] : "serviceJwt";
  const recipe = RECIPES.find((known) => known === wanted);
  if (recipe === undefined) throw new HarnessError("usage", `there is no recipe "${wanted}"`, { hint: `recipes: ${RECIPES.join(", ")}` });
  return recipe;
}

/** `rollcall serve`: a reference server, with the DID directory that it resolves against, until Ctrl-C. */
export async function runServe(name: string, flags: Flags): Promise<number> {
  const recipe = recipeOf(flags);
  registry.bindingFolder(name);
  const mutant = typeof flags["mutant"] === "string" ? await findMutant(name, flags["mutant"]) : undefined;
  const directory = await startDirectory({ pool: await openPool() });
  try {
    const server = await startTarget({
      target: name,
      registry,
      purpose: "check",
      recipe,
      directoryUrl: directory.url,
      ...(typeof flags["port"] === "number" ? { port: flags["port"] } : {}),
      ...(typeof flags["timeScale"] === "number" ? { timeScale: flags["timeScale"] } : {}),
      ...(typeof flags["dialect"] === "string" ? { dialect: flags["dialect"] } : {}),
      ...(mutant === undefined ? {} : { mutant }),
      ...(typeof flags["replicas"] === "number" ? { replicas: flags["replicas"] } : {}),
    });
    process.stdout.write(
      `${name} reference server: ${server.resolved.urls.join(" and ")}\nDID directory: ${directory.url}\ncredentials: ${recipe}; Ctrl-C ends it\n`,
    );
    const died = await new Promise<boolean>((done) => {
      const look = setInterval(() => {
        if (server.exited() === undefined) return;
        clearInterval(look);
        done(true);
      }, LOOK_MS);
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.once(signal, () => {
          clearInterval(look);
          done(false);
        });
      }
    });
    if (died) throw new HarnessError("unreachable", `the server ended by itself:\n${server.process?.logs().trimEnd() ?? ""}`);
    await server.stop();
    return 0;
  } finally {
    await directory.close();
  }
}
