/** Deliberate faults of our own client, by the variable CLIENT_FAULT; each is named by the requirement that it breaks. */
export const CLIENT_FAULTS = {
  "closed-socket-counts": "JAZZ-RES-08",
  "waits-from-1s": "JAZZ-RES-01",
  "flat-5s": "JAZZ-RES-01",
  "two-sockets": "JAZZ-RES-03",
  "unsymmetric-merge": "JAZZ-CONV-05",
  "forgets-queue": "JAZZ-RES-06",
  "counts-on": "JAZZ-RES-02",
  "returns-unasked": "JAZZ-RES-04",
  "queue-lives-on": "JAZZ-RES-07",
  "sends-once": "JAZZ-RES-09",
  "keeps-nothing": "JAZZ-RES-10",
  "drops-unknown": "JAZZ-RES-11",
  "hint-beside-message": "JAZZ-SESS-03",
  "old-space": "JAZZ-CONV-10",
  "renders-each": "JAZZ-LAT-02",
  "shows-twice": "JAZZ-ERR-01",
  "warns-each-time": "JAZZ-ERR-02",
  "cache-grows": "JAZZ-CAP-01",
  "loads-all": "JAZZ-CAP-02",
  "tells-no-queue": "JAZZ-OBS-01",
  "lost-is-success": "JAZZ-OBS-02",
} as const;

export type ClientFault = keyof typeof CLIENT_FAULTS | undefined;

/** The fault of a name; an empty one is none. @throws RangeError for unknown names. */
export function clientFault(name: string): ClientFault {
  if (name === "") return undefined;
  const found = (Object.keys(CLIENT_FAULTS) as (keyof typeof CLIENT_FAULTS)[]).find((each) => each === name);
  if (found === undefined) throw new RangeError(`our client has no fault "${name}"; it has ${Object.keys(CLIENT_FAULTS).join(", ")}`);
  return found;
}
