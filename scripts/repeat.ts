import { check } from "../src/cli/check.ts";

/**
 * `npm run repeat -- playback 20 [--busy]`: the pristine reference server must pass every time, also with one core
 * kept busy. A run that does not pass is named with its seed.
 */
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const target = words[0] ?? "playback";
const times = Number(words[1] ?? 20);
const { Worker } = await import("node:worker_threads");
const busy = process.argv.includes("--busy") ? new Worker("for (;;) Math.random();", { eval: true }) : undefined;

let passed = 0;
for (let turn = 1; turn <= times; turn += 1) {
  const result = await check({ target });
  const isClean =
    result.exitCode === 0 &&
    result.requirements.every(({ verdict }) => verdict !== "fail" && verdict !== "warning" && verdict !== "inconclusive");
  if (isClean) passed += 1;
  const broken = result.requirements.filter(({ verdict }) => verdict === "fail" || verdict === "warning" || verdict === "inconclusive");
  console.log(
    `${turn}/${times}  ${isClean ? "pass" : `NOT CLEAN, seed ${result.seed}: ${broken.map(({ id, verdict, observed }) => `${id} ${verdict} (${observed})`).join("; ")}`}`,
  );
}
await busy?.terminate();
console.log(`${passed} of ${times} passed`);
process.exitCode = passed === times ? 0 : 1;
