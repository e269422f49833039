import { resolve } from "node:path";
import { describeTarget } from "../targets/index.ts";
import { bundleForK6 } from "./k6-bundle.ts";
import { findK6, installK6 } from "./k6-find.ts";
import * as registry from "./registry.ts";

type Flags = Readonly<Record<string, unknown>>;

/** `rollcall k6 install`: gets k6 where Go is, unless it is here already. */
export async function runK6Install(flags: Flags): Promise<void> {
  if (flags["again"] !== true) {
    const here = await findK6().catch(() => undefined);
    if (here !== undefined) {
      process.stdout.write(`k6 is here: ${here.how}\n`);
      return;
    }
  }
  const { how } = await installK6((text) => process.stderr.write(`${text}\n`));
  process.stdout.write(`k6 is here: ${how}\n`);
}

/** `rollcall k6 bundle`: one file for stock k6, wherever it runs. */
export async function runK6Bundle(scenario: string, flags: Flags): Promise<void> {
  const target = typeof flags["target"] === "string" ? flags["target"] : "playback";
  const dialect = typeof flags["dialect"] === "string" ? { dialect: flags["dialect"] } : {};
  // To bundle is no load: consent is asked where it runs.
  const { resolved } = await describeTarget({ target, registry, purpose: "check", ...dialect });
  const { binding } = resolved;
  const file = typeof flags["file"] === "string" ? flags["file"] : `${scenario}.${binding}.k6.js`;
  await bundleForK6({ scenario, binding, file: resolve(file), dialect: resolved.dialect });
  process.stdout.write(`wrote ${file}; run it by: k6 run -e TARGET=ws://127.0.0.1:8080 ${file}\n`);
}
