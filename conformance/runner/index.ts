export { CASE_IS_OVER } from "./context.ts";
export { assembleResults, type Death, type Gathered, isSpoilt } from "./assemble.ts";
export { createLanes, type LaneLimits, type Lanes } from "./lanes.ts";
export type { LentUser, OpenedClient, OpenOptions, ProcessPort, RawUpgrade, RunnerPorts } from "./ports.ts";
export { type CaseRow, isBroken, type RowPart } from "./row.ts";
export { runCase } from "./run-case.ts";
export { capabilitiesOf, selectCases, type Selection } from "./select.ts";
export { createUsers } from "./users.ts";
