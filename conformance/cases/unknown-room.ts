import { type AreaCase, breach, SHALL_MS, wasRefused } from "./support.ts";

/** For protocols whose rooms have to be made first. */
export const unknownRoom: AreaCase = {
  area: "unknownRoom",
  name: "general/unknown-room",
  title: "Joining a room that does not exist is refused, also the second time",
  phase: "shared",
  run: async (t, id) => {
    const room = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => t.prng.below(16).toString(16));
    for (const time of ["first", "second"]) {
      const client = await t.open({ room, mustJoin: false });
      const isIn = (): boolean => client.seen.some((each) => each.kind === "lifecycle" && each.event === "joined");
      const isOut = (): boolean => client.refused !== undefined || wasRefused(client);
      await t.until(() => isIn() || isOut(), SHALL_MS);
      const status = client.refused?.status;
      const isClean = status === undefined || (status >= 400 && status < 500);
      const reason = isIn() ? "not-refused" : isOut() ? "wrong-refusal" : "silent";
      t.check(
        id,
        !isIn() && isOut() && isClean,
        breach(
          t,
          client,
          reason,
          `the ${time} try to join a room that does not exist is refused within ${SHALL_MS} ms`,
          isIn() ? "it was joined" : isOut() ? `status ${status}` : "no answer",
        ),
      );
    }
  },
};
