import { requirementId } from "../../../core/ids.ts";
import type { Requirement } from "../../../core/requirement.ts";

const SOURCE = "realtime-pm, Architecture › ";

type Entry = Omit<Requirement, "id" | "source"> & { readonly source: string };

function entry(id: string, { source, ...rest }: Entry): Requirement {
  return { id: requirementId(id), ...rest, source: SOURCE + source };
}

/** Who is there, how fast, and what happens to those who come back. */
export const people: readonly Requirement[] = [
  entry("STEP-HB-01", {
    level: "SHOULD",
    category: "heartbeat",
    part: "both",
    reach: "wire+clock",
    basis: "inferred",
    statement: "Idle members are kept, frozen ones dropped.",
    check:
      "an idle member that answers pings stays 10 min; a frozen one (no frame, no WebSocket pong) is dropped and others see `leave` ≤ `silentMs` + 10 s (S-18). Driver: the client answers `ping`.",
    source: 'RealtimeServer, "User session tracking"',
    needs: ["heartbeat", "longWaits"],
  }),
  entry("STEP-PRES-01", {
    level: "MUST",
    category: "presence",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Changes of presence go to all other users of the room.",
    check: "A sends a cursor change; each other member gets, within 2 s, A's entry with equal values; A gets none.",
    source: "Data Flow › Presence Synchronization 3",
    needs: ["presence"],
  }),
  entry("STEP-PRES-02", {
    level: "MUST",
    category: "presence",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement:
      "Presence carries cursor (position, optional screen coordinates), selection and free metadata; all parts are optional and pass unchanged.",
    check:
      "each part alone, all, none; deep metadata with Unicode; backward selection; values equal at receivers, absent parts absent. `upstream`: `cursor.from/to`, `meta`, `user.name`, `user.color`.",
    source: "User Presence Data",
    needs: ["presence"],
  }),
  entry("STEP-PRES-03", {
    level: "MUST",
    category: "presence",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Others are told of joins and leaves.",
    check:
      "B joins: A is told once (forms: S-7); leaves: `leave` once; 10 quick rejoins: events alternate and the last state is right; each within 2 s.",
    source: 'PresenceStore, "User join/leave notifications"',
    needs: ["presence"],
  }),
  entry("STEP-PRES-04", {
    level: "SHOULD",
    category: "presence",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "A presence message holds only what changed.",
    check: "100 members, one moves: about one entry per receiver, ≤ 2 KiB for entries up to 1 KiB; report bytes per change by room size.",
    source: 'PresenceStore, "Efficient change broadcasting"',
    needs: ["presence"],
  }),
  entry("STEP-PRES-05", {
    level: "MUST",
    category: "presence",
    part: "server",
    reach: "wire+clock",
    basis: "stated",
    statement: "A user's presence stays as that user last set it until changed or left (a cursor may be mapped through steps).",
    check: "B sets all parts, then only answers pings for 60 s while others edit, come and go; what newcomers see of B equals what B set.",
    source: 'PresenceStore, "User presence state tracking"',
    needs: ["presence", "longWaits"],
  }),
  entry("STEP-PRES-06", {
    level: "SHOULD",
    category: "presence",
    part: "both",
    reach: "client",
    basis: "stated",
    statement: "Remote cursors stay at the same place in the text when others edit before them.",
    check:
      "With a client driver: B's cursor after a marker word, A inserts 10 characters before it; at A and C it is still after the word (mapped, or sent anew).",
    source: 'Data Flow › Presence Synchronization 4; PresenceStore, "Cursor and selection synchronization"',
    noCase: { kind: "client-only", because: "It is judged of a client that the harness drives; a server under test has no part in it." },
    noMutant: { kind: "client-only", because: "No fault of a server can break it." },
  }),
  entry("STEP-PRES-07", {
    level: "SHOULD",
    category: "presence",
    part: "server",
    reach: "hook",
    basis: "stated",
    statement: "A presence entry takes about 1 KB in the server, so one user's entry is bounded.",
    check:
      "10 000 present users with 200-byte entries, in rooms of 20 (phase exclusive): growth per user about 1 KB (to 4 KB reported, more fails). Metadata of 512 KiB: refused or cut, not passed on.",
    source: "Performance Characteristics › Memory",
    needs: ["presence", "metrics"],
  }),
  entry("STEP-LAT-01", {
    level: "SHOULD",
    category: "latency",
    part: "client",
    reach: "client",
    basis: "stated",
    statement: "Local operations take under 100 ms: the own edit shows without waiting for the server.",
    check: "With a client driver: against a fixture that never answers, `state()` has the edit in < 100 ms, also with 1000 queued steps.",
    source: "Performance Characteristics › Latency",
    noCase: { kind: "client-only", because: "It is judged of a client that the harness drives; a server under test has no part in it." },
    noMutant: { kind: "client-only", because: "No fault of a server can break it." },
  }),
  entry("STEP-LAT-02", {
    level: "SHOULD",
    category: "latency",
    part: "server",
    reach: "wire+clock",
    basis: "stated",
    statement: "What the server adds to the network's delay is small and measured apart.",
    check: "WebSocket ping round trip beside step and presence delivery; delivery minus round trip p50/p95/p99 under rising load (S-10).",
    source: "Performance Characteristics › Latency; Message Protocol",
  }),
  entry("STEP-RES-01", {
    level: "MUST",
    category: "resume/offline",
    part: "client",
    reach: "client",
    basis: "stated",
    statement: "After a lost connection the client reconnects by itself with exponentially growing waits.",
    check: "With a client driver: fixture refuses n times; waits grow to a cap, success sets them back (S-6).",
    source: 'RealtimeClient, "Exponential backoff reconnection strategy"',
    noCase: { kind: "client-only", because: "It is judged of a client that the harness drives; a server under test has no part in it." },
    noMutant: { kind: "client-only", because: "No fault of a server can break it." },
  }),
  entry("STEP-RES-02", {
    level: "MUST",
    category: "resume/offline",
    part: "client",
    reach: "client",
    basis: "stated",
    statement: "Messages made while disconnected are kept and sent after the return, none lost, none twice.",
    check:
      "With a client driver: cut of 10 s, 200 local steps meanwhile, others edit too; after rejoin the 200 are there once each; presence only as its last value.",
    source: 'RealtimeClient, "Message buffering during disconnections"',
    noCase: { kind: "client-only", because: "It is judged of a client that the harness drives; a server under test has no part in it." },
    noMutant: { kind: "client-only", because: "No fault of a server can break it." },
  }),
  entry("STEP-RES-03", {
    level: "MUST",
    category: "resume/offline",
    part: "both",
    reach: "wire",
    basis: "stated",
    statement: "On reconnection the client rejoins and takes over the room's state, whether it missed nothing, little or very much.",
    check:
      "miss 0, 1, 100, 20 000 steps; within 5 s after open document and version are equal. Cut between sending and `ack`: by `history` or snapshot the client can tell whether the batch was taken and does not send it twice. Driver: the same.",
    source: "Data Flow › Connection Management 4–5",
  }),
];
