export { connectEngine, examineEngine, findCompose } from "./client.ts";
export { startCompose } from "./compose.ts";
export { startImage } from "./image.ts";
export { stackLogs } from "./logs.ts";
export { isOrphan, upName } from "./owner.ts";
export { findStacks, type Leftovers, removeStacks } from "./sweep.ts";
