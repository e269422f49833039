import type { Observation } from "../../core/observation.ts";
import type { Reason } from "../../core/reason.ts";
import { spansOf, writesOf } from "./facts.ts";

/** By definition: for each write and each connection, look through the whole history. */
export function deliveryReasons(history: readonly Observation[], options: { run: string; echo: boolean }): Set<Reason> {
  const reasons = new Set<Reason>();
  const spans = spansOf(history);
  const writes = writesOf(history);
  const deliveries = history.flatMap((one, at) =>
    one.kind === "delivered" && one.marker !== undefined ? [{ one, at, marker: one.marker }] : [],
  );
  for (const { marker } of deliveries) if (!marker.intact) reasons.add("damaged");

  for (const { one, at, marker } of deliveries) {
    const ofRoom = writes.filter((write) => write.author === marker.author && write.room === one.room && write.at < at);
    if (marker.intact && marker.run === options.run && ofRoom.length > 0 && !ofRoom.some((write) => write.n === marker.n))
      reasons.add("foreign");
  }
  for (const write of writes) {
    const answers = history.flatMap((one, at) =>
      one.client === write.author && one.room === write.room && (one.kind === "accepted" || one.kind === "rejected") && at > write.at
        ? [{ one, at }]
        : [],
    );
    const refusedAt = answers.find(({ one }) => one.kind === "rejected" && one.op === write.op)?.at ?? Infinity;
    const acceptedAt = answers.find(({ one }) => one.kind === "accepted" && one.op === write.op)?.at ?? Infinity;
    const copies = deliveries.filter(
      ({ one, at, marker }) =>
        marker.run === options.run &&
        marker.author === write.author &&
        marker.n === write.n &&
        one.room === write.room &&
        at > write.at &&
        at < refusedAt,
    );
    const isOwn = (client: number): boolean => !options.echo && client === write.author;

    const content = copies.find(({ one, marker }) => marker.intact && !isOwn(one.client))?.one.content;
    const firsts: typeof copies = [];
    for (const span of spans) {
      const here = copies.filter(({ one, at }) => one.client === span.client && at > span.from && at < span.to);
      if (isOwn(span.client) ? here.length > 0 : here.length > 1) reasons.add("doubled");
      if (!isOwn(span.client)) firsts.push(...here.slice(0, 1));
    }
    if (firsts.some(({ one, marker }) => marker.intact && one.content !== content)) reasons.add("damaged");
    if (refusedAt < Infinity) continue;

    const firstSeen = Math.min(Infinity, ...firsts.map(({ at }) => at));
    const home = spans.find((span) => span.client === write.author && span.from < write.at && write.at < span.to);
    const isHomeIn = home !== undefined && home.joined < write.at && write.at < home.gone;
    const evidenceAt = Math.min(firstSeen, acceptedAt);
    const isExcused =
      !isHomeIn ||
      home.gone < evidenceAt ||
      answers.some(({ one, at }) => one.kind === "rejected" && one.op === undefined && at < evidenceAt);

    if (!options.echo && !isExcused && acceptedAt === Infinity && home.gone === Infinity) reasons.add("absent");
    if (isExcused && evidenceAt === Infinity) continue;
    for (const span of spans) {
      const isOwed = span.room === write.room && span.joined < write.at && write.at < span.gone && !isOwn(span.client);
      if (!isOwed || firsts.some(({ one, at }) => one.client === span.client && at > span.from && at < span.to)) continue;
      const stays = span.gone === Infinity;
      const passedOver = deliveries.some(({ one, at, marker }) => {
        const later = writes.find(
          (other) => other.author === marker.author && other.n === marker.n && other.room === one.room && other.at < at,
        );
        if (
          later === undefined ||
          one.client !== span.client ||
          one.room !== write.room ||
          at < span.from ||
          at > span.gone ||
          marker.run !== options.run
        )
          return false;
        const isRefused = history.some(
          (other, when) => when < at && other.kind === "rejected" && other.client === later.author && other.op === later.op,
        );
        return later.author === write.author && later.n > write.n && !isRefused && !isOwn(one.client);
      });
      if (stays || passedOver) reasons.add("lost");
    }
  }
  return reasons;
}
