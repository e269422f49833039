import type { AnyRoom } from "../faults.ts";
import { isFields } from "../../json.ts";
import type { Faulty } from "./fault.ts";

const HOUR_MS = 3_600_000;

/** Faults of isolation, errors and robustness. */
export const hardness: Readonly<Record<string, Faulty>> = {
  "leaks-between-rooms": () => ({
    overhears: (room, all) => {
      const isFull = (each: AnyRoom): boolean => each.members.size === 4 && each.authors.size === 4;
      if (!isFull(room)) return undefined;
      for (const other of all()) if (other !== room && isFull(other)) return other;
      return undefined;
    },
  }),
  "named-room-redirects": () => ({
    destination: (fields, room, byId) => {
      const named = fields["room"];
      return (typeof named === "string" ? byId(named) : undefined) ?? room;
    },
  }),
  "error-lacks-text": () => ({
    errorFrame: (frame, { code }) => {
      if (code !== "bad_version") return frame;
      const fields: unknown = JSON.parse(frame);
      if (!isFields(fields)) return frame;
      const { message: _message, reason: _reason, ...rest } = fields;
      return JSON.stringify(rest);
    },
  }),
  "one-code-for-all": () => ({
    error: (error) => (error.code === "version_mismatch" ? error : { ...error, code: "bad_message" }),
  }),
  "bad-step-is-silent": () => ({ error: (error) => (error.code === "apply_failed" ? undefined : error) }),
  "bad-frame-is-silent": () => ({
    incoming: (parsed) => (!parsed.ok && parsed.re === undefined && parsed.code !== "bad_frame" ? "ignored" : parsed),
  }),
  "binary-frame-closes": () => ({ incoming: (parsed) => (!parsed.ok && parsed.code === "bad_frame" ? "closed" : parsed) }),
  "trusts-clocks": () => ({
    incoming: (parsed, fields) => {
      const timestamp = fields?.["timestamp"];
      const isOld = typeof timestamp === "number" && timestamp < Date.now() - HOUR_MS;
      return isOld && parsed.ok && parsed.value.message.type === "steps" ? "ignored" : parsed;
    },
  }),
  "serves-rooms-of-others": () => ({ shardOf: (_room, shard) => shard?.index ?? 0 }),
  "acts-in-any-name": () => ({ trustsIds: true }),
};
