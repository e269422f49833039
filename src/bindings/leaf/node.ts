import type { Binding } from "../../core/binding.ts";

/** In Node the cases have sockets of their own, for calls that no session makes. */
export const inNode: Pick<Binding, "cases"> = {
  cases: async () => (await import("./node/cases/index.ts")).cases,
};
