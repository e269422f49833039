import type { OrderModel } from "../../core/binding.ts";
import type { Panel } from "../../core/checker.ts";
import { digestOf } from "../words.ts";
import { writeName } from "./digest.ts";

/**
 * A panel that hands on, besides, which state each member was shown on request: the last write in it where all writes
 * of a room have one order, else a digest of the whole.
 */
export function withStates(
  panel: Panel,
  orderModel: OrderModel,
  onState: (room: string, client: number, text: string, askedMs: number) => void,
): Panel {
  return {
    observe: (observation) => {
      panel.observe(observation);
      if (observation.kind !== "snapshot" || observation.op === undefined) return;
      const { room, client, marker, content, askedMs } = observation;
      const last = marker === undefined ? "no write of this run" : writeName(marker.author, marker.n);
      onState(room, client, orderModel === "perAuthor" ? digestOf(content) : last, askedMs);
    },
    finish: (nowMs) => panel.finish(nowMs),
  };
}
