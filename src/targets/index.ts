export { startDriver } from "./driver.ts";
export { redisMissing } from "./redis.ts";
export { describeTarget, launchReference, startTarget } from "./start.ts";
export { readTargetFile, type TargetFile } from "./file.ts";
export { targetJsonSchema } from "./schema.ts";
export type { BindingSource, Exit, RunningTarget, StartOptions, TargetProcess } from "./types.ts";
