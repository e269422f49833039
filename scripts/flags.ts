import { parseArgs, type ParseArgsConfig } from "node:util";

/** Node's `parseArgs` for a command of this repository: `--help` prints how it is called, and so does a wrong flag, with exit code 2. */
export function flagsOf<T extends ParseArgsConfig>(usage: string, config: T): ReturnType<typeof parseArgs<T>> {
  if (process.argv.includes("--help", 2)) {
    console.log(`usage: ${usage}`);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`);
    process.exit(2);
  }
}
