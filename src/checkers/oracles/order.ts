import type { OrderModel } from "../../core/binding.ts";
import type { Observation } from "../../core/observation.ts";
import { spansOf } from "./facts.ts";

interface Entry {
  readonly key: string;
  readonly author: number;
  readonly n: number;
  readonly position: number | undefined;
}

/** Whether the deliveries of every connection fit the order model; by closure over all pairs. */
export function isOrdered(history: readonly Observation[], options: { run: string; orderModel: OrderModel }): boolean {
  for (const room of new Set(history.map((one) => one.room))) {
    const lines: Entry[][] = [];
    for (const span of spansOf(history)) {
      const line: Entry[] = [];
      history.forEach((one, at) => {
        if (one.kind !== "delivered" || one.room !== room || one.client !== span.client || at < span.from || at > span.to) return;
        const { marker } = one;
        if (marker === undefined || !marker.intact || marker.run !== options.run) return;
        const isOfRoom = history
          .slice(0, at)
          .some((other) => other.kind === "invoked" && other.marker?.author === marker.author && other.room === room);
        const key = `${marker.author}/${marker.n}`;
        if (isOfRoom && !line.some((entry) => entry.key === key))
          line.push({ key, author: marker.author, n: marker.n, position: one.position });
      });
      lines.push(line);
    }
    if (options.orderModel === "total" && !haveOneOrder(lines)) return false;
    if (
      options.orderModel === "perAuthor" &&
      lines.some((line) => line.some((one, index) => line.slice(index + 1).some((later) => later.author === one.author && later.n < one.n)))
    )
      return false;
    if (options.orderModel === "position" && !haveNumbers(history, room, lines)) return false;
  }
  return true;
}

/** Warshall's closure of "somebody saw a before b": one order exists when nothing comes before itself. */
function haveOneOrder(lines: readonly (readonly Entry[])[]): boolean {
  const keys = [...new Set(lines.flat().map(({ key }) => key))];
  const before = new Set<string>();
  for (const line of lines) line.forEach((one, index) => line.slice(index + 1).forEach((later) => before.add(`${one.key}<${later.key}`)));
  for (const middle of keys)
    for (const left of keys)
      for (const right of keys) if (before.has(`${left}<${middle}`) && before.has(`${middle}<${right}`)) before.add(`${left}<${right}`);
  return keys.every((key) => !before.has(`${key}<${key}`));
}

function haveNumbers(history: readonly Observation[], room: string, lines: readonly (readonly Entry[])[]): boolean {
  const pairs = lines.flat().map(({ key, position }) => [key, position] as const);
  for (const one of history) {
    if (one.kind !== "accepted" || one.room !== room) continue;
    const act = history.find((other) => other.kind === "invoked" && other.client === one.client && other.op === one.op);
    if (act?.kind === "invoked" && act.marker !== undefined) pairs.push([`${act.marker.author}/${act.marker.n}`, one.position]);
  }
  const clash = pairs.some(([key, position]) =>
    pairs.some(([other, place]) => position !== undefined && place !== undefined && (key === other) !== (position === place)),
  );
  const falls = lines.some((line) =>
    line.some((one, index) => line.slice(index + 1).some((later) => (later.position ?? 0) < (one.position ?? 0))),
  );
  return !clash && !falls;
}
