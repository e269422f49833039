import { availableParallelism } from "node:os";
import { noteCounts } from "./counts.ts";
import { FAULT_CASES } from "./fault-cases.ts";
import { HEAD, tryFaults } from "./fault-runs.ts";
import { flagsOf } from "./flags.ts";

/**
 * `npm run faults [-- --quick] [--only word]`: what goes wrong, against the reference servers. Every kind of fault is
 * shown by one case, every binding survives being killed and a bad network, and servers that forget what they have
 * confirmed are found out. Times are not judged here (the plan takes them away), so that it also runs on a busy machine.
 * `--quick`: each kind once, and short. Faults of containers are part of `npm run containers`.
 */
const { values } = flagsOf("npm run faults [-- --quick] [--only <word>] [--clients 50] [--seconds 15]", {
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    clients: { type: "string" },
    seconds: { type: "string" },
  },
});
const size = { clients: Number(values.clients ?? (values.quick ? 24 : 50)), seconds: Number(values.seconds ?? (values.quick ? 6 : 15)) };
/** Short runs mostly wait: several at a time do not disturb each other. */
const abreast = values.quick ? 3 : 1;

const cases = FAULT_CASES.filter(
  ({ name, isQuick }) => (!values.quick || isQuick === true) && (values.only === undefined || name.includes(values.only)),
);
const counts = { passed: 0, failed: 0, open: 0 };
const note = (isOver: boolean): void => noteCounts({ name: "faults", passed: counts.passed, failed: counts.failed, isOver });
note(false);
const begunMs = performance.now();
console.log(`${cases.length} cases, ${size.clients} clients, ${size.seconds} s each, ${availableParallelism()} cores`);
console.log(HEAD);
await tryFaults(cases, size, abreast, ({ verdict }, lines) => {
  for (const line of lines) console.log(line);
  if (verdict !== "left out") counts[verdict] += 1;
  note(false);
});
note(true);
const seconds = ((performance.now() - begunMs) / 1000).toFixed(0);
const open = counts.open === 0 ? "" : `, ${counts.open} not judged`;
console.log(`\nfaults: ${counts.passed} passed, ${counts.failed} failed${open}; ${seconds} s`);
process.exitCode = counts.failed === 0 ? 0 : 1;
