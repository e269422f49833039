import type { OrderModel } from "../../core/binding.ts";
import type { Observation } from "../../core/observation.ts";
import type { Reason } from "../../core/reason.ts";
import { spansOf, writesOf } from "./facts.ts";

/** Read your writes and monotonic reads, straight from their definition; position is left out. */
export function guaranteesReasons(history: readonly Observation[], options: { run: string; orderModel: OrderModel }): Set<Reason> {
  const reasons = new Set<Reason>();
  history.forEach((one, at) => {
    if (one.kind !== "snapshot" || one.marker === undefined || !one.marker.intact || one.marker.run !== options.run) return;
    const { author, n } = one.marker;
    const known: { author: number; n: number; delivered: boolean }[] = [];
    for (const earlier of history.slice(0, at)) {
      if (earlier.client !== one.client) continue;
      if (
        (earlier.kind === "delivered" || earlier.kind === "snapshot") &&
        earlier.marker?.intact === true &&
        earlier.marker.run === options.run
      ) {
        known.push({ author: earlier.marker.author, n: earlier.marker.n, delivered: earlier.kind === "delivered" });
      } else if (earlier.kind === "accepted") {
        const act = writesOf(history).find((write) => write.author === one.client && write.op === earlier.op);
        const wasRefused = history
          .slice(0, at)
          .some(
            (other, when) =>
              when < history.indexOf(earlier) && other.kind === "rejected" && other.client === one.client && other.op === earlier.op,
          );
        if (act !== undefined && !wasRefused) known.push({ author: act.author, n: act.n, delivered: false });
      }
    }
    if (known.some((other) => other.author === author && other.n > n)) reasons.add("stale");
    if (options.orderModel === "perAuthor") return;
    // A write that came after a later one of its author is disorder, and no news here.
    const received = known.filter(({ delivered }) => delivered);
    const news = received.filter(
      (other, index) => !received.slice(0, index).some((before) => before.author === other.author && before.n >= other.n),
    );
    const place = news.findIndex((other) => other.author === author && other.n === n);
    if (place >= 0 && place < news.length - 1) reasons.add("stale");
  });
  return reasons;
}

/** Whether each marked snapshot is a state between request and answer. */
export function snapshotReasons(history: readonly Observation[], options: { run: string }): Set<Reason> {
  const reasons = new Set<Reason>();
  const writes = writesOf(history).map((write) => ({
    ...write,
    invokedMs: history[write.at]?.atMs ?? 0,
    firstMs:
      history.find(
        (one, at) =>
          at > write.at &&
          one.kind === "delivered" &&
          one.room === write.room &&
          one.marker?.intact === true &&
          one.marker.run === options.run &&
          one.marker.author === write.author &&
          one.marker.n === write.n,
      )?.atMs ?? Infinity,
  }));
  history.forEach((one, at) => {
    if (one.kind !== "snapshot" || one.marker === undefined || one.marker.run !== options.run) return;
    const { author, n, intact } = one.marker;
    if (!intact) reasons.add("damaged");
    const of = writes.filter((write) => write.author === author && write.room === one.room && write.at < at);
    const shown = of.find((write) => write.n === n);
    if (intact && of.length > 0 && shown === undefined) reasons.add("damaged");
    if (!intact || shown === undefined) return;
    const settled = writes.filter((write) => write.room === one.room && write.firstMs < one.askedMs);
    if (settled.some((write) => (write.author === author && write.n > n) || (shown.firstMs < one.atMs && write.invokedMs > shown.firstMs)))
      reasons.add("stale");
  });
  for (const room of new Set(history.map((one) => one.room))) {
    const snapshots = history.filter((one) => one.kind === "snapshot" && one.room === room);
    const isMarked = snapshots.some((one) => one.kind === "snapshot" && one.marker !== undefined);
    const firstMs = Math.min(...writes.filter((write) => write.room === room).map((write) => write.firstMs), Infinity);
    if (isMarked && snapshots.some((one) => one.kind === "snapshot" && one.marker === undefined && firstMs < one.askedMs))
      reasons.add("stale");
  }
  for (const span of spansOf(history)) {
    if (span.gone < Infinity) continue;
    history.forEach((one, at) => {
      if (one.kind !== "invoked" || one.act !== "read" || one.client !== span.client || at < span.joined) return;
      const isAnswered = history.some(
        (other, when) =>
          when > at &&
          other.client === one.client &&
          ((other.kind === "snapshot" && other.op === one.op) ||
            (other.kind === "rejected" && (other.op === undefined || other.op === one.op))),
      );
      if (!isAnswered) reasons.add("absent");
    });
  }
  return reasons;
}
