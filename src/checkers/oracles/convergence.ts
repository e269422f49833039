import type { OrderModel } from "../../core/binding.ts";
import type { Observation } from "../../core/observation.ts";
import { spansOf, writesOf } from "./facts.ts";

interface Final {
  readonly name: string;
  readonly content: string | undefined;
  readonly position: number;
}

/** Whether members end alike: what each of them has last is looked up in the whole history. Contents are apart. */
export function isConverged(history: readonly Observation[], options: { run: string; echo: boolean; orderModel: OrderModel }): boolean {
  const writes = writesOf(history);
  return [...new Set(history.map((one) => one.room))].every((room) => {
    const shown = history.map((one): Final | undefined => {
      if (one.room !== room) return undefined;
      if (one.kind === "delivered" && one.marker?.run === options.run)
        return { name: `${one.marker.author}/${one.marker.n}`, content: one.content, position: one.position ?? 0 };
      const own =
        one.kind === "accepted" && !options.echo ? writes.find((write) => write.author === one.client && write.op === one.op) : undefined;
      return own === undefined
        ? undefined
        : { name: `${own.author}/${own.n}`, content: undefined, position: one.kind === "accepted" ? (one.position ?? 0) : 0 };
    });
    const lastEventMs = Math.max(
      ...history.map((one, at) =>
        shown[at] !== undefined || (one.room === room && one.kind === "invoked" && one.act === "write") ? one.atMs : -Infinity,
      ),
    );
    const lastWriteAt = Math.max(
      -1,
      ...writes
        .filter((write) => write.room === room && shown.some((final) => final?.name === `${write.author}/${write.n}`))
        .map((write) => write.at),
    );
    const stayers = spansOf(history).filter((span) => span.room === room && span.joined < Infinity && span.gone === Infinity);

    const finals = stayers
      .filter((span) => options.orderModel !== "perAuthor" && span.joined < lastWriteAt)
      .flatMap((span) => {
        const own = shown.filter(
          (final, at): final is Final => final !== undefined && history[at]?.client === span.client && at > span.joined,
        );
        const top = options.orderModel === "position" ? Math.max(...own.map(({ position }) => position)) : undefined;
        return own.filter(({ position }) => top === undefined || position === top).slice(-1);
      });
    const states = stayers.flatMap((span) => {
      const last = history.reduce<Observation | undefined>(
        (before, one, at) => (one.kind === "snapshot" && one.client === span.client && at > span.joined ? one : before),
        undefined,
      );
      return last?.kind === "snapshot" && last.askedMs >= lastEventMs
        ? [{ content: last.content, name: last.marker === undefined ? undefined : `${last.marker.author}/${last.marker.n}` }]
        : [];
    });
    const names = new Set(finals.map(({ name }) => name));
    const contents = new Set(finals.flatMap(({ content }) => content ?? []));
    const isOtherState = names.size === 1 && states.some(({ name }) => name !== undefined && !names.has(name));
    return names.size <= 1 && contents.size <= 1 && new Set(states.map(({ content }) => content)).size <= 1 && !isOtherState;
  });
}
