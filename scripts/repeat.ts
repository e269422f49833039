import { Worker } from "node:worker_threads";
import { check } from "../src/cli/check.ts";
import { flagsOf } from "./flags.ts";

/**
 * `npm run repeat -- playback 20 [--only <pattern>…] [--busy]`: a check again and again, each time with a seed of its
 * own. A pristine server must pass every time, also with one core kept busy (`--busy`). What does not pass is named with
 * its seed, and in the end each finding with its rate; known failures of the target are counted too, but are no fault.
 */
const USAGE = "npm run repeat -- <target> [times] [--only <pattern>…] [--busy]; for example: npm run repeat -- playback 20";
const { values, positionals } = flagsOf(USAGE, {
  allowPositionals: true,
  options: { only: { type: "string", multiple: true, default: [] }, busy: { type: "boolean", default: false } },
});
const [target = "playback", asked = "20"] = positionals;
const times = Number(asked);
if (!Number.isInteger(times) || times < 1) {
  console.error(`usage: ${USAGE}`);
  process.exit(2);
}
const busy = values.busy ? new Worker("for (;;) Math.random();", { eval: true }) : undefined;

/** Turns in which a finding was seen, by id and reasons. */
const seen = new Map<string, number>();
let passed = 0;
for (let turn = 1; turn <= times; turn += 1) {
  const result = await check({ target, ...(values.only.length === 0 ? {} : { only: values.only }) });
  const broken = result.requirements.filter(({ verdict }) => verdict === "fail" || verdict === "warning" || verdict === "inconclusive");
  const isClean = result.exitCode === 0 && broken.every(({ known }) => known?.state === "excused");
  if (isClean) passed += 1;
  for (const { id, verdict, reasons, known } of broken) {
    const finding = `${id} ${verdict === "inconclusive" ? verdict : reasons.join(", ")}${known === undefined ? "" : " (known)"}`;
    seen.set(finding, (seen.get(finding) ?? 0) + 1);
  }
  const told = broken.map(({ id, verdict, observed, known }) => `${id} ${verdict}${known === undefined ? "" : ", known"} (${observed})`);
  console.log(`${turn}/${times}  ${isClean ? "pass" : "NOT CLEAN"}${told.length === 0 ? "" : `, seed ${result.seed}: ${told.join("; ")}`}`);
}
await busy?.terminate();
for (const [finding, count] of [...seen].toSorted(([left], [right]) => left.localeCompare(right, "en")))
  console.log(`${count}/${times}  ${finding}`);
console.log(`${passed} of ${times} passed`);
process.exitCode = passed === times ? 0 : 1;
