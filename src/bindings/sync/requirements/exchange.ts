import type { Requirement } from "../../../core/requirement.ts";
import { entry, REVIEW } from "./entry.ts";

/** What goes between clients: sessions, order, convergence, time. */
export const exchange: readonly Requirement[] = [
  entry("SYNC-SESS-01", {
    level: "MUST",
    category: "session",
    reach: "wire",
    basis: "stated",
    statement: "After the upgrade all messages are binary, handled as raw bytes.",
    check: "every received frame is binary; a text frame: Y-3b. Payload bytes with all 256 values come through unchanged.",
    source: `${REVIEW} › Core Technologies, Transport`,
  }),
  entry("SYNC-SESS-02", {
    level: "MUST",
    category: "session",
    reach: "wire",
    basis: "stated",
    statement: "Updates are relayed among clients of a document in real time.",
    check: "A, B subscribe X, C subscribes Y; A sends; B gets the same bytes once within 2 s, C nothing; with `echoToSender` A once too.",
    source: `${REVIEW} › Summary`,
  }),
  entry("SYNC-SESS-03", {
    level: "MUST",
    category: "session",
    reach: "hook",
    basis: "stated",
    statement: "Closing a socket cleans up all that belonged to it.",
    check:
      "10 rounds of 1 000 sockets from 4 addresses, opened and ended (clean, reset, mid-frame, in the handshake): after each round connections_open and subscriptions back to base ±1 in 60 s; memory after round 10 at most 20 % above round 3.",
    source: `${REVIEW} › Resource Management`,
    needs: ["metrics"],
  }),
  entry("SYNC-SESS-04", {
    level: "SHOULD",
    category: "session",
    reach: "hook",
    basis: "review",
    statement: "A clean-up that fails harms no other socket and is not hidden.",
    check: "500 sockets reset with unread data: bystanders go on, counter or log shows it.",
    source: `${REVIEW} › Resource Management`,
    needs: ["metrics"],
  }),
  entry("SYNC-SESS-05", {
    level: "SHOULD",
    category: "session",
    part: "both",
    reach: "wire",
    basis: "implied",
    statement: "A plain HTTP request to the socket route gets 4xx and does not hang.",
    check: "GET without Upgrade, wrong version, missing key; within 2 s. Client driver: a 4xx is reported, no hot retry.",
    source: `${REVIEW} › Transport`,
  }),
  entry("SYNC-ORD-01", {
    level: "SHOULD",
    category: "ordering",
    reach: "wire",
    basis: "implied",
    statement:
      "One client's updates reach each other client in sending order, and where they do not, the documents are equal all the same.",
    check:
      "1000 numbered updates, paced and pipelined, two subscribers there and one that joins midway: `disordered` = warning, unequal documents = `diverged`; updates sent with their causes held back until later are in the end result (Y-3a).",
    source: `${REVIEW} › Summary`,
  }),
  entry("SYNC-CONV-01", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "stated",
    statement: "All clients of a document end with one state, whatever the interleaving, repetition or delay.",
    check:
      "10 clients × 200 random edits (text, list, map) with delays, cuts, repeats; quiesce; all documents equal, and equal to a late joiner's, and hold every edit's marker.",
    source: `${REVIEW} › Summary; Production Readiness`,
  }),
  entry("SYNC-CONV-02", {
    level: "MUST",
    category: "convergence",
    reach: "hook",
    basis: "stated",
    statement: "Updates are stored, not only relayed.",
    check:
      "A, the only client, writes 200 updates (paced, pipelined) and closes cleanly (close frame after the last one); 5 s later B comes alone and gets everything; with `restart` also after one.",
    source: `${REVIEW} › Core Technologies, Storage`,
  }),
  entry("SYNC-CONV-03", {
    level: "MUST",
    category: "convergence",
    reach: "wire",
    basis: "implied",
    statement: "Documents larger than a storage cell come back whole.",
    check: "documents of 1, 63, 64, 65 KiB, 1 MiB, 10 MiB (in updates below the frame limit): fresh client's document equal.",
    source: `${REVIEW} › Core Technologies "blob storage adapter"`,
  }),
  entry("SYNC-HB-01", {
    level: "SHOULD",
    category: "heartbeat",
    reach: "wire+clock",
    basis: "review",
    statement: "Peers that vanished are noticed, idle living ones stay.",
    check:
      "stop reading and answering at TCP level: dropped ≤ 60 s; an idle client that answers pings stays 10 min (`longWaits`; else 2 min).",
    source: `${REVIEW} › Connection Management`,
    needs: ["keepalive"],
  }),
  entry("SYNC-LAT-01", {
    level: "SHOULD",
    category: "latency",
    reach: "fixture",
    basis: "review",
    statement: "Key look-ups are cached with a time limit.",
    check:
      "directory counts and delays 500 ms; 100 logins of one DID: ≤ 2 requests, no delay from the second on; after the declared life (`didCacheMs`) one more.",
    source: `${REVIEW} › DID Resolution Performance`,
    needs: ["jwt", "directory"],
  }),
  entry("SYNC-LAT-02", {
    level: "SHOULD",
    category: "latency",
    reach: "fixture",
    basis: "review",
    statement: "Simultaneous logins of one uncached DID share one look-up; the cache is bounded.",
    check:
      "200 at once: ≤ 2 requests; 20 000 DIDs, once each: resident memory grows in the second 10 000 less than half as much as in the first, or under 32 MiB (`metrics`).",
    source: `${REVIEW} › Implement DID Caching`,
    needs: ["jwt", "directory"],
  }),
  entry("SYNC-LAT-03", {
    level: "SHOULD",
    category: "latency",
    reach: "fixture",
    basis: "inferred",
    statement: "The cache does not lock out after a key rotation, nor accept a retired key past its life.",
    check:
      "rotate with a warm cache, to a key of the same and of the other curve: the new key works within 15 s (tried each second; the reference: at the first try), the old is refused at the latest after the declared life + 5 s; one directory error, then a good login within 15 s.",
    source: `${REVIEW} › Implement DID Caching`,
    needs: ["jwt", "directory"],
  }),
  entry("SYNC-RES-01", {
    level: "SHOULD",
    category: "resume/offline",
    part: "both",
    reach: "wire",
    basis: "implied",
    statement: "A reconnect takes a fresh token and goes on from the client's state without loss.",
    check:
      "cut after 60 s; old token refused; new exchange; unsent edits sent again; all equal, nothing doubled. Client driver: new token request before each handshake.",
    source: `${REVIEW} › Authentication Flow; Summary`,
    needs: ["jwt"],
  }),
  entry("SYNC-ISO-01", {
    level: "MUST",
    category: "isolation",
    reach: "wire",
    basis: "implied",
    statement: "Updates go only to subscribers of that document, as far as permitted.",
    check:
      "100 documents, markers, random subscriptions: no foreign entityId or marker; after `unsubscribe` (2 s grace) nothing. `accessRules`: read and write refused.",
    source: `${REVIEW} › Summary`,
  }),
];
