import type { Mutant } from "../../core/binding.ts";
import { type RequirementId, requirementId } from "../../core/ids.ts";
import type { Reason } from "../../core/reason.ts";

/** `CONV-02 lost`: an id without its system, and the reason. */
type Breaking = `${string} ${Reason}`;

function broken(text: Breaking): { readonly id: RequirementId; readonly reason: Reason } {
  const [id, reason] = text.split(" ");
  return { id: requirementId(`SYNC-${id}`), reason: reason as Reason };
}

function mutant(id: string, breaks: Breaking, summary: string, also: readonly Breaking[] = []): Mutant {
  return { id, summary, breaks: [broken(breaks)], ...(also.length === 0 ? {} : { also: also.map(broken) }) };
}

const JWT: readonly Mutant[] = [
  mutant("any-key-for-p256", "AUTH-01 not-refused", "A p256 JWT is taken whatever key has signed it.", ["LAT-03 not-refused"]),
  mutant("multikey-is-not-read", "AUTH-01 wrong-refusal", "The key of a document in the Multikey shape is not found."),
  mutant("refusal-shows-stack", "AUTH-08 leaked", "The refusal of a wrong signature shows where in the program it was."),
  mutant("method-is-not-checked", "AUTH-09 not-refused", "A JWT without lxm is taken."),
  mutant("high-s-is-taken", "AUTH-09 not-refused", "The changed copy of a signature that has the higher s is taken."),
  mutant("expiry-is-not-checked", "AUTH-09 not-refused", "A JWT is taken for half a minute after it has expired."),
  mutant("one-reason-for-all", "ERR-01 wrong-refusal", "Every JWT is refused with the same code and sentence.", [
    "AUTH-09 wrong-refusal",
    "ERR-02 malformed",
    "ROB-03 wrong-refusal",
  ]),
  mutant("refusal-says-nothing", "ERR-02 absent", "The refusal of an expired JWT has no sentence."),
];

const TOKENS: readonly Mutant[] = [
  mutant("jwt-opens-socket", "AUTH-02 not-refused", "A JWT in the token's place opens a socket."),
  mutant("token-lives-a-minute", "AUTH-03 late", "A token is good for 60 s."),
  mutant("token-ends-early", "AUTH-03 early", "A token is good for 20 s."),
  mutant("token-in-query", "AUTH-04 not-refused", "The token is taken from the query, too."),
  mutant("token-is-named-in-answer", "AUTH-05 leaked", "The answer to the handshake names the token as the sub-protocol."),
  mutant("answer-names-no-protocol", "AUTH-05 absent", "The answer to the handshake names no sub-protocol."),
  mutant("shortened-token-is-taken", "AUTH-06 not-refused", "A token without its last character is taken."),
  mutant("token-is-not-bound", "AUTH-07 not-refused", "A token opens a socket of any DID.", ["SEC-04 leaked"]),
  mutant("dev-token-is-always-open", "AUTH-10 not-refused", "The token `dev` opens a socket of any DID, without its variable."),
  mutant("revoked-socket-stays", "AUTH-11 late", "A socket stays open when its token is revoked.", ["AUTH-11 not-refused"]),
  mutant("revokes-tokens-of-others", "AUTH-11 closed", "Whoever knows a token can close the socket that it opened."),
  mutant("token-serves-twice", "AUTH-12 not-refused", "A token opens any number of sockets.", ["SEC-04 leaked", "RES-01 not-refused"]),
  mutant("tokens-share-bits", "SEC-01 malformed", "Of a token's 256 bits 160 are always the same."),
  mutant("expired-tokens-stay", "SEC-03 ghost", "Expired tokens are kept for ever."),
  mutant("expired-token-has-its-own-answer", "SEC-04 leaked", "Some tokens are refused in other words than others."),
];

const WIRE: readonly Mutant[] = [
  mutant("bytes-are-read-as-text", "SESS-01 damaged", "Updates of more than 600 bytes are read as text on the way.", [
    "CONV-01 lost",
    "CONV-01 diverged",
    "CONV-03 lost",
    "SESS-04 closed",
    "SESS-04 lost",
    "ROB-04 closed",
    "ROB-04 late",
    "ROB-04 diverged",
  ]),
  mutant("frame-is-sent-as-text", "SESS-01 malformed", "Frames of 700 to 900 bytes go out as text frames.", [
    "SESS-01 damaged",
    "CONV-01 diverged",
  ]),
  mutant("no-echo", "SESS-02 lost", "With two subscribers, the sender does not get its own update."),
  mutant("relays-twice", "SESS-02 doubled", "With two subscribers, each gets every update twice."),
  mutant("subscriptions-are-not-ended", "SESS-03 miscounted", "Subscriptions of a socket that has closed stay counted.", [
    "OBS-02 miscounted",
  ]),
  mutant("reset-closes-bystander", "SESS-04 closed", "When a socket breaks, all subscribers of its documents are closed.", [
    "CONV-01 diverged",
    "CONV-01 lost",
    "RES-01 lost",
    "SESS-03 miscounted",
    "SESS-04 silent",
  ]),
  mutant("plain-request-hangs", "SESS-05 silent", "A request to the socket route that is no upgrade is never answered."),
  mutant("swaps-two-updates", "ORD-01 disordered", "With three subscribers, now and then an update overtakes the one before it."),
  mutant("waiting-updates-are-dropped", "ORD-01 diverged", "An update whose causes have not arrived is passed on and forgotten."),
  mutant("leaks-to-other-document", "ISO-01 foreign", "Who is subscribed to many documents hears of all others as well."),
  mutant("unsubscribed-still-hears", "ISO-01 foreign", "Unsubscribing has no effect."),
];

const DOCUMENTS: readonly Mutant[] = [
  mutant("late-joiner-lacks-last", "CONV-01 diverged", "Who comes as the tenth or later gets nothing of what was there.", ["CONV-01 lost"]),
  mutant("single-author-is-not-stored", "CONV-02 lost", "What is written while nobody is subscribed is not stored."),
  mutant("large-document-is-cut", "CONV-03 lost", "A document of more than 64 KiB comes back empty."),
  mutant("reconnect-lacks-missed", "RES-01 lost", "Who comes back with a version vector does not get what it missed.", [
    "CONV-01 diverged",
    "CONV-01 lost",
  ]),
];

const TIME: readonly Mutant[] = [
  mutant("silent-peer-stays", "HB-01 late", "A peer that answers no ping is never dropped."),
  mutant("idle-peer-is-dropped", "HB-01 early", "A subscriber that writes nothing is not pinged, and so taken for dead."),
  mutant("no-did-cache", "LAT-01 over-limit", "DID documents are not cached.", [
    "LAT-01 late",
    "ROB-03 wrong-refusal",
    "OBS-02 miscounted",
    "LAT-02 over-limit",
  ]),
  mutant("no-single-flight", "LAT-02 over-limit", "Each login of an unknown DID looks it up for itself."),
  mutant("rotation-locks-out", "LAT-03 late", "A new key is not seen before the cache's life is over."),
  mutant("retired-key-is-kept", "LAT-03 not-refused", "A key that a DID once had is good for ever."),
  mutant("relay-is-slow", "CAP-04 late", "Every update goes out 300 ms late.", ["ERR-03 late"]),
];

const OPERATION: readonly Mutant[] = [
  mutant("failures-are-not-limited", "ERR-03 over-limit", "Failing logins of one address are never limited."),
  mutant("stop-cuts-sockets", "ROB-01 closed", "At a stop sockets are cut without a close."),
  mutant("unset-did-is-guessed", "ROB-02 not-refused", "Without DID the server starts as did:web:rooms.example."),
  mutant("directory-down-hangs", "ROB-03 silent", "A login waits for a directory that does not answer.", [
    "ERR-01 wrong-refusal",
    "LAT-03 late",
  ]),
  mutant("bad-frame-closes-all", "ROB-04 closed", "A frame that is no message closes every socket.", ["ROB-04 late", "ROB-04 diverged"]),
  mutant("sockets-are-not-limited", "CAP-01 over-limit", "One DID may open any number of sockets."),
  mutant("limit-says-no-time", "CAP-02 absent", "A refusal for rate does not say when to come back."),
  mutant("token-of-other-instance-is-unknown", "CAP-03 wrong-refusal", "A token is good only at the instance that gave it."),
  mutant("odd-entity-is-taken", "SEC-02 leaked", "A name that is no entity id is answered with what is stored under it."),
  mutant("errors-lack-cors", "SEC-05 absent", "Error answers have no CORS headers."),
  mutant("ready-while-stopping", "OBS-01 stale", "readyz says ready until the end."),
  mutant("messages-are-counted-twice", "OBS-02 miscounted", "Each frame that goes out counts twice."),
  mutant("token-is-logged", "OBS-03 leaked", "A refused JWT stands in the log."),
  mutant("refused-login-is-not-logged", "OBS-03 absent", "A login for another audience leaves no line."),
];

/** Faults of the reference server, one each; `reference/faults.ts` lists the same ids. */
export const mutants: readonly Mutant[] = [...JWT, ...TOKENS, ...WIRE, ...DOCUMENTS, ...TIME, ...OPERATION];
