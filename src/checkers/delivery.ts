import type { Checker, WitnessStep } from "../core/checker.ts";
import { createFlights, type Arrived, type Flight } from "./flights.ts";
import { createTally } from "./tally.ts";
import { bad, digestOf, fromClient, keyOf, toClient } from "./words.ts";

/**
 * Every marked write once at everyone it was for (design.md, decision 6). `judged` counts the deliveries that had to
 * happen, `broken.lost` those that did not: reach is exactly 1 − lost ÷ judged.
 *
 * A write of which nothing was ever seen is excused when its author went, or was refused something, meanwhile: it may
 * never have reached the server. Once anybody has it, everybody must. Without echo an author whose write is not
 * answered at all, although it stays, misses its confirmation (`absent`).
 */
export function createDelivery(options: { run: string; echo: boolean }): Checker {
  const tally = createTally("delivery");
  const written = (flight: Flight): WitnessStep => fromClient(flight.invokedMs, flight.author, `write ${keyOf(flight)}`);
  const arrival = (arrived: Arrived, words: string): WitnessStep => toClient(arrived.atMs, arrived.client, words);
  const broke = (
    reason: "doubled" | "damaged" | "foreign",
    arrived: Arrived,
    expected: string,
    seen: string,
    before: readonly WitnessStep[],
  ): void =>
    tally.broke({ reason, room: arrived.room, client: arrived.client, expected, seen, witness: [...before, bad(arrival(arrived, seen))] });

  const flights = createFlights(options, {
    received: (_flight, _stay, _arrived, must) => {
      if (must) tally.judged();
    },
    doubled: (flight, arrived) => {
      const isOwn = !options.echo && flight.author === arrived.client;
      broke(
        "doubled",
        arrived,
        isOwn ? `${keyOf(flight)} confirmed to its author, not delivered` : `${keyOf(flight)} once`,
        `${keyOf(flight)} ${isOwn ? "delivered to its author" : "again"}`,
        [written(flight)],
      );
    },
    differs: (flight, arrived) =>
      broke("damaged", arrived, `${keyOf(flight)} with ${flight.content ?? ""}`, `${keyOf(flight)} with ${digestOf(arrived.content)}`, [
        written(flight),
      ]),
    damaged: (flight, arrived) =>
      broke(
        "damaged",
        arrived,
        "a payload that fits its sum",
        `${arrived.marker === undefined ? "" : keyOf(arrived.marker)} with another payload`,
        flight === undefined ? [] : [written(flight)],
      ),
    invented: (arrived) =>
      broke(
        "foreign",
        arrived,
        "only writes that somebody made",
        `${arrived.marker === undefined ? "" : keyOf(arrived.marker)}, which nobody wrote`,
        [],
      ),
    bound: (why) => tally.bound(why),
  });

  const lose = (flight: Flight, client: number, nowMs: number): void => {
    tally.judged();
    const others = flight.firstMs === undefined ? [] : [{ ...toClient(flight.firstMs, client, keyOf(flight)), to: "other members" }];
    tally.broke({
      reason: "lost",
      room: flight.room,
      client,
      expected: `${keyOf(flight)} at every member`,
      seen: flight.firstMs === undefined ? "received by nobody" : "never received here",
      witness: [written(flight), ...others, bad(toClient(nowMs, client, `${keyOf(flight)} never received`))],
    });
  };
  const confirm = (flight: Flight, nowMs: number): void => {
    if (flight.mayBeLost || flight.home?.isIn !== true) return;
    tally.judged();
    if (flight.accepted) return;
    const witness = [written(flight), bad(toClient(nowMs, flight.author, `${keyOf(flight)} never confirmed`))];
    tally.broke({
      reason: "absent",
      room: flight.room,
      client: flight.author,
      expected: `${keyOf(flight)} confirmed to its author`,
      seen: "no answer",
      witness,
    });
  };

  return {
    property: "delivery",
    observe: (observation) => flights.observe(observation),
    finish: (nowMs) => {
      for (const flight of flights.all()) {
        if (flight.rejected) continue;
        if (!options.echo) confirm(flight, nowMs);
        if (flight.mayBeLost && flight.firstMs === undefined && !flight.accepted) continue;
        for (const stay of flight.gaps) lose(flight, stay.client, nowMs);
        for (const stay of flight.owed) lose(flight, stay.client, nowMs);
      }
      return tally.outcome();
    },
  };
}
