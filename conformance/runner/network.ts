import type { CaseUser } from "../../src/core/case.ts";
import type { DirectoryControl, DirectoryPort, NetworkUser, PdsControl, PdsPort } from "../../src/core/network.ts";

/** How a case takes in a user that a port has made. */
type TakeIn = (user: NetworkUser) => CaseUser;

/** A directory in the hands of one case: what it sets is healed by `heal`. */
export function directoryOf(
  port: DirectoryPort,
  takeIn: TakeIn,
): { readonly control: DirectoryControl; readonly heal: () => Promise<void> } {
  const set = new Set<string>();
  return {
    control: {
      ...port,
      user: async (options) => takeIn(await port.user(options)),
      answer: async (did, answer) => {
        set.add(did);
        await port.answer(did, answer);
      },
    },
    heal: async () => {
      const dids = [...set];
      set.clear();
      await Promise.all(dids.map((did) => port.answer(did, {})));
    },
  };
}

/** A PDS in the hands of one case. */
export function pdsOf(port: PdsPort, takeIn: TakeIn): PdsControl {
  return { ...port, user: async () => takeIn(await port.user()) };
}
