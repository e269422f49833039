/** The command of the build, where bin/rollcall.js would take the sources: sources stripped as they load keep the stripper's memory. */
const { main } = await import("../dist/src/cli/main.js");
process.exitCode = await main(process.argv.slice(2));
