/** Durations that k6 keeps as Trends; milliseconds. */
export const TIMES = [
  "rollcall_delivery_ms",
  "rollcall_convergence_ms",
  "rollcall_spread_ms",
  "rollcall_join_ms",
  "rollcall_confirm_ms",
  "rollcall_read_ms",
  /** Planned time of an act to its send. */
  "rollcall_send_lag_ms",
  /** p99 of each VU. */
  "rollcall_loop_lag_ms",
  /** How long each VU was busy behind its ramp. */
  "rollcall_act_ms",
] as const;

/** What is counted; `judged`, `broken` and `inconclusive` by tags. */
export const COUNTS = [
  "rollcall_vus",
  "rollcall_rooms",
  "rollcall_sent",
  "rollcall_planned",
  "rollcall_late",
  "rollcall_unsent",
  "rollcall_dropped",
  "rollcall_refused_joins",
  "rollcall_delivered",
  "rollcall_expected",
  "rollcall_lost",
  "rollcall_judged",
  "rollcall_broken",
  "rollcall_inconclusive",
] as const;

export type TimeName = (typeof TIMES)[number];
export type CountName = (typeof COUNTS)[number];

/** What k6 is to work out of each Trend; it tells a script only what is asked for. */
export const TREND_STATS = ["count", "min", "avg", "p(50)", "p(90)", "p(95)", "p(99)", "p(99.9)", "max"] as const;
