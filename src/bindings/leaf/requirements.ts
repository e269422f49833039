import { requirementId } from "../../core/ids.ts";
import type { Requirement, Uncovered } from "../../core/requirement.ts";

const ARCHITECTURE = "Roomy documentation, Architecture › Architecture";
const AUTHENTICATION = "Roomy documentation, Architecture › Authentication";
const BUILD = "Roomy documentation, Architecture › Build";

type Entry = Omit<Requirement, "id" | "noMutant"> & { readonly noMutant?: Uncovered };

/** What has no case has no mutant either, for the same reason. */
function entry(id: string, { noCase, noMutant, ...rest }: Entry): Requirement {
  const uncovered = noMutant ?? noCase;
  return {
    id: requirementId(id),
    ...rest,
    ...(noCase === undefined ? {} : { noCase }),
    ...(uncovered === undefined ? {} : { noMutant: uncovered }),
  };
}

function clientOnly(because: string): { readonly noCase: Uncovered } {
  return { noCase: { kind: "client-only", because } };
}

function browserOnly(because: string): { readonly noCase: Uncovered } {
  return { noCase: { kind: "browser-only", because } };
}

const SIGN_IN: readonly Requirement[] = [
  entry("LEAF-AUTH-01", {
    level: "MUST",
    category: "auth",
    part: "client",
    reach: "fixture",
    basis: "stated",
    statement: "Login starts with a handle, which is turned into a DID before anything else is contacted.",
    check: "login against a fixture resolver (DNS and HTTPS); one look-up (≤ 5 s) precedes any PDS request; session DID = fixture's.",
    source: AUTHENTICATION,
    ...clientOnly("the client turns the handle into a DID; the server sees the DID alone"),
  }),
  entry("LEAF-AUTH-02", {
    level: "MUST",
    category: "auth",
    part: "both",
    reach: "fixture",
    basis: "stated",
    statement: "did:plc accounts can log in and use Leaf.",
    check:
      "fixture directory, both shapes of 2.5; CONNECT with a JWT; `authenticated.did` equals it. Rotate with a warm cache (the old key counts as compromised): the new key works within 15 s, after that the old is refused, at the latest when the declared cache life (`didCacheMs`) is over + 5 s; tombstoned or unknown DID is refused.",
    source: AUTHENTICATION,
  }),
  entry("LEAF-AUTH-03", {
    level: "MUST",
    category: "auth",
    part: "both",
    reach: "fixture",
    basis: "stated",
    statement: "did:web accounts can log in too; other methods are refused with an error.",
    check: "as AUTH-02 with did:web, also with `%3APORT`; did:key and did:example are refused.",
    source: `${AUTHENTICATION}, "in some cases did:web"`,
  }),
  entry("LEAF-AUTH-04", {
    level: "MUST",
    category: "auth",
    part: "client",
    reach: "fixture",
    basis: "stated",
    statement: "The PDS address comes from the DID document, nowhere else.",
    check: "two accounts of one handle domain, two PDSs; each login reaches its own; after a move the new one.",
    source: AUTHENTICATION,
    ...clientOnly("the client finds the PDS; the server never speaks to it"),
  }),
  entry("LEAF-AUTH-05", {
    level: "MUST",
    category: "auth",
    part: "client",
    reach: "fixture",
    basis: "stated",
    statement: "The user authenticates at their own PDS by redirect; the app never handles the password.",
    check: "all app requests during login: one redirect to the PDS's authorisation address, no request holds the password.",
    source: AUTHENTICATION,
    ...clientOnly("the redirect is between client and PDS"),
  }),
  entry("LEAF-AUTH-06", {
    level: "MUST",
    category: "auth",
    part: "both",
    reach: "fixture",
    basis: "stated",
    statement: "The session token of a login acts for that user at the PDS; no token, a cut one, or another user's does not.",
    check: "getServiceAuth with each; B's token never yields a JWT with iss A; a deactivated account gets none.",
    source: AUTHENTICATION,
    noMutant: { kind: "not-visible", because: "it is the PDS that gives or refuses tokens; the server sees only those that were given" },
  }),
  entry("LEAF-AUTH-07", {
    level: "MUST",
    category: "auth",
    part: "both",
    reach: "fixture",
    basis: "stated",
    statement: "Leaf is reached by ATProto service proxying: the PDS vouches for the user, Leaf learns the DID from that.",
    check:
      "token from the fixture PDS by getServiceAuth (aud with and without `#leaf_server`) → `authenticated` with the caller's DID; with `proxyRoute` also through the proxy header. Without the PDS's token no signed-in session.",
    source: `${AUTHENTICATION}, last sentence`,
  }),
  entry("LEAF-AUTH-08", {
    level: "MUST",
    category: "auth",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "Without valid authentication Leaf gives out no events and no views and accepts no append.",
    check:
      "garbage token: no `authenticated`, RPCs unanswered or Err, no notification within 2 s. Anonymous: upload, create, event and state batch, update_module are Err; on a stream with members no row; a valid user finds no trace.",
    source: AUTHENTICATION,
  }),
  entry("LEAF-AUTH-09", {
    level: "MUST",
    category: "auth",
    part: "server",
    reach: "wire",
    basis: "standard",
    statement: "A service token counts only if signed by the issuer's current key, addressed to this Leaf, unexpired and meant for it.",
    check:
      "wrong key, altered payload, `alg: none`, ES256 header on a k256 key, HS256, other or missing aud, exp 6 s, 10 s and a year past, missing exp, far exp, iat in the future, other lxm, missing iss, iss with fragment, unknown DID, high-S; each refused, a good control between them. Leeway ≤ 5 s.",
    source: AUTHENTICATION,
  }),
  entry("LEAF-AUTH-10", {
    level: "SHOULD",
    category: "auth",
    part: "client",
    reach: "fixture",
    basis: "standard",
    statement:
      "Identity is checked both ways: the document must claim the handle, and the account that logged in must be the DID resolved first.",
    check: "a document with another handle, a token answer with another DID: no session.",
    source: AUTHENTICATION,
    ...clientOnly("both ways are checked by the client"),
  }),
  entry("LEAF-AUTH-11", {
    level: "MUST",
    category: "auth",
    part: "client",
    reach: "hook",
    basis: "stated",
    statement: "The production build writes an OAuth client metadata manifest that fits where the app is served.",
    check:
      "valid JSON with `client_id` = its own URL, `redirect_uris` on the app's origin or scheme, `scope`, `grant_types`, `response_types`.",
    source: BUILD,
    ...clientOnly("it is about the app's build"),
  }),
];

const SESSIONS: readonly Requirement[] = [
  entry("LEAF-SESS-01", {
    level: "MUST",
    category: "session",
    part: "client",
    reach: "browser",
    basis: "stated",
    statement: "One Shared Worker serves all tabs: sync runs once per user and browser.",
    check: "1, 2, 5 tabs; sockets and subscriptions at the reference server do not grow.",
    source: ARCHITECTURE,
    ...browserOnly("tabs and workers are in the browser; the server sees sockets"),
  }),
  entry("LEAF-SESS-02", {
    level: "MUST",
    category: "session",
    part: "client",
    reach: "browser",
    basis: "stated",
    statement: "Each tab has a Dedicated Worker, exactly one is active and owns SQLite.",
    check: 'debug hook sampled for 60 s while tabs open and close: always 1 active, no "database locked".',
    source: ARCHITECTURE,
    ...browserOnly("tabs and workers are in the browser; the server sees sockets"),
  }),
  entry("LEAF-SESS-03", {
    level: "MUST",
    category: "session",
    part: "client",
    reach: "browser",
    basis: "implied",
    statement: "When the owning tab goes, another takes over and nothing is lost.",
    check:
      "3 tabs, 100 events at 10/s, owner killed at 50 (close; crash); the others show all 100 in order; a query meanwhile ends within 5 s.",
    source: ARCHITECTURE,
    ...browserOnly("tabs and workers are in the browser; the server sees sockets"),
  }),
  entry("LEAF-SESS-04", {
    level: "MUST",
    category: "session",
    part: "client",
    reach: "browser",
    basis: "stated",
    statement: "A tab with an idle worker still gets its answers through the Shared Worker.",
    check: "same query in the active and an inactive tab at one position: equal.",
    source: ARCHITECTURE,
    ...browserOnly("tabs and workers are in the browser; the server sees sockets"),
  }),
  entry("LEAF-SESS-05", {
    level: "SHOULD",
    category: "session",
    part: "both",
    reach: "wire+clock",
    basis: "inferred",
    statement: "A session outlives the short token that opened it, or renews without losing subscriptions.",
    check: "JWT of 60 s, session of 180 s, 1 event/s: none lost or doubled.",
    source: AUTHENTICATION,
  }),
];

const ORDER: readonly Requirement[] = [
  entry("LEAF-ORD-01", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "All readers of one stream see one order.",
    check:
      "8 writers × 500 marked events, 8 subscribers (`log`, start 1): sequences of (idx, eid) equal element by element, idx 1…4000 ascending.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-ORD-02", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "hook",
    basis: "implied",
    statement: "Events are append-only and immutable.",
    check:
      "read 1…N, append, with `restart` also after one, read again: same bytes and positions. No RPC and no module SQL (L-13) alters, removes or renumbers one.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-ORD-03", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "Events of one author on one socket keep their sending order, with or without awaited ACKs.",
    check: "1000 one-event batches pipelined; by idx the author's counter ascends.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-ORD-04", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "The change from history to live loses and repeats nothing.",
    check: "writer at 200/s; 50 subscriptions with start 1 (limits 1…1000, batches of 1…500): idx contiguous from 1 to the head in each.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-ORD-05", {
    level: "SHOULD",
    category: "ordering",
    part: "server",
    reach: "hook",
    basis: "inferred",
    statement: "A confirmed append is durable; a repeat makes no second copy.",
    check: "kill on the ACK, restart: it is there (`restart`). Cut the socket before the ACK, repeat with the same eid: one copy (L-5).",
    source: ARCHITECTURE,
  }),
  entry("LEAF-ORD-06", {
    level: "MUST",
    category: "ordering",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "A batch is atomic: all its events are stored side by side in their order, or none.",
    check:
      "8 writers, batches of 1…500, some with one refused event at the start, middle or end: each Ok batch holds contiguous idx in its order; of an Err one no event, no view row, no gap.",
    source: ARCHITECTURE,
  }),
];

const CONVERGENCE: readonly Requirement[] = [
  entry("LEAF-CONV-01", {
    level: "MUST",
    category: "convergence",
    part: "both",
    reach: "wire",
    basis: "implied",
    statement: "State is a function of the stream.",
    check:
      "two clients replay the same 10 000 events with different limits into the reference materializer: canonical JSON of all views identical.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-CONV-02", {
    level: "MUST",
    category: "convergence",
    part: "both",
    reach: "wire",
    basis: "implied",
    statement: "Leaf's views and the client's own views agree at one position.",
    check: "`room` (also one without rows) gives upTo; local replay to it, compare row by row, during writes.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-CONV-03", {
    level: "MUST",
    category: "convergence",
    part: "client",
    reach: "client",
    basis: "implied",
    statement: "Views built step by step equal views rebuilt from nothing.",
    check: "state after live use, `wipe`, sync, compare. (Server: update_module to an equal module with another CID, compare queries.)",
    source: ARCHITECTURE,
  }),
  entry("LEAF-CONV-04", {
    level: "SHOULD",
    category: "convergence",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "A view tells up to which event it is complete, and a client sees its confirmed append in its next read.",
    check:
      "append, ACK (Ok null), then `log`: the row with this eid is there, its idx is the position; `count` next: upTo ≥ idx (L-8), on any socket; other processes (`secondUrl`) within 2 s.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-CONV-05", {
    level: "MUST",
    category: "convergence",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "State events do not enter the log; state follows its own rules (2.3).",
    check:
      "state batches between event batches: idx stays contiguous and payloads are the events' only; `state.*` shows them after the ACK; a failing one leaves nothing; after update_module state is the same; after clear_state empty and usable, log unchanged.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-CONV-06", {
    level: "MUST",
    category: "convergence",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "Values keep their kind and bits from parameter and payload to row.",
    check:
      "1, 1.0, 2⁵³+1, both int64 bounds, 1e300, empty text, all 256 bytes, null: as parameter (`select $p`, `typeof`) and by drisl_extract: `$type`, CBOR kind and value are the same; 1.0 comes back as a float.",
    source: ARCHITECTURE,
  }),
];

const LATENCY: readonly Requirement[] = [
  entry("LEAF-LAT-01", {
    level: "SHOULD",
    category: "latency",
    part: "server",
    reach: "wire+clock",
    basis: "inferred",
    statement: "Append-to-receipt time stays small under load.",
    check: "open-loop appends at fixed rates, receivers in one process; p50/p95/p99/max against L-10.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-LAT-02", {
    level: "SHOULD",
    category: "latency",
    part: "client",
    reach: "browser",
    basis: "stated",
    statement: "The UI thread stays light during sync.",
    check: "50 000 events in a browser: no page task over 200 ms, no database work on the page thread.",
    source: ARCHITECTURE,
    ...browserOnly("tabs and workers are in the browser; the server sees sockets"),
  }),
];

const RESUMPTION: readonly Requirement[] = [
  entry("LEAF-RES-01", {
    level: "MUST",
    category: "resume/offline",
    part: "both",
    reach: "wire",
    basis: "implied",
    statement: "After a lost connection the missed events come once each, then live.",
    check: "cut 20 times at random under 100/s; `start: last + 1`; overall contiguous.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-RES-02", {
    level: "SHOULD",
    category: "resume/offline",
    part: "client",
    reach: "fixture",
    basis: "implied",
    statement: "After a reload the client goes on from its stored position.",
    check: "rows sent on the second start ≈ the new ones; worker killed in mid-batch: stored position never ahead of rows.",
    source: ARCHITECTURE,
    ...clientOnly("the position is stored by the client"),
  }),
];

const ISOLATION: readonly Requirement[] = [
  entry("LEAF-ISO-01", {
    level: "MUST",
    category: "isolation",
    part: "server",
    reach: "wire",
    basis: "implied",
    statement: "A subscriber gets its streams' events only, and nothing after unsubscribing.",
    check:
      "20 streams × 20 subscribers, random subsets, marked; no foreign marker; after the ACK of `unsubscribe` no notification of that id; unsubscribe again → `wasSubscribed: false`; one socket cannot end another's subscription.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-ISO-02", {
    level: "SHOULD",
    category: "isolation",
    part: "both",
    reach: "wire",
    basis: "inferred",
    statement: "Who may not read or write a stream is refused; two accounts in one browser share no local data.",
    check:
      "A grants only A; B's batch is Err, B's query and subscription give no row, not by refusal text either (L-12); update_module, clear_state, set_handle by B are Err. Client: log out A, in B: no data of A.",
    source: `${AUTHENTICATION}; ${ARCHITECTURE}`,
  }),
];

const ERRORS: readonly Requirement[] = [
  entry("LEAF-ERR-01", {
    level: "SHOULD",
    category: "errors",
    part: "both",
    reach: "fixture",
    basis: "inferred",
    statement: "Each login stage fails with its own clear error in bounded time.",
    check:
      "break fixtures one by one: stage (L-2) named within 10 s, no retry storm. Server: directory down → refusal within 10 s, other sessions go on.",
    source: AUTHENTICATION,
  }),
  entry("LEAF-ERR-02", {
    level: "SHOULD",
    category: "errors",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "A bad request gets an error tied to it; the session and others live on.",
    check:
      "bytes that are no CBOR, missing fields, wrong types, unknown stream, query, module, CID; undeclared, missing, null and wrong-kind params; limit 0 or negative, start negative; unknown event; no ack id: Err with that id within 2 s (or L-14); a good request then works; a bystander misses nothing.",
    source: ARCHITECTURE,
  }),
];

const ROBUSTNESS: readonly Requirement[] = [
  entry("LEAF-ROB-01", {
    level: "SHOULD",
    category: "robustness",
    part: "client",
    reach: "client",
    basis: "inferred",
    statement: "An event that the materialiser does not know is passed over; later ones still reach the views.",
    check: "unknown kind and wrong field types between good events; views of all clients hold all good ones and are equal.",
    source: ARCHITECTURE,
    ...clientOnly("the materialiser is the client's"),
  }),
];

const CAPACITY: readonly Requirement[] = [
  entry("LEAF-CAP-01", {
    level: "SHOULD",
    category: "capacity",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "Fan-out degrades gradually and never drops silently.",
    check:
      "100 → 10 000 subscribers at a fixed rate, limits 1…1000, one reader that stops reading: at each stage delivered = appended × subscribers, or the slow one is disconnected and resumes; the knee is shown.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-CAP-02", {
    level: "SHOULD",
    category: "capacity",
    part: "server",
    reach: "wire+clock",
    basis: "inferred",
    statement: "A long history syncs in bounded pieces without harm to live users.",
    check:
      "a live pair alone, then while 50 streams of 10,000 events each are replayed at once: all complete, the pair's p99 at most doubles.",
    source: ARCHITECTURE,
  }),
  entry("LEAF-CAP-03", {
    level: "SHOULD",
    category: "capacity",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "A window holds at most 1000 positions, whatever limit is asked (L-7).",
    check:
      "3,500 events; query and subscription with limit 1, 999, 1000, 1001, 10⁶, 2⁵³, none: no answer spans more than min(limit, 1000) positions, none is refused, paging gives all once.",
    source: ARCHITECTURE,
  }),
];

const SECURITY: readonly Requirement[] = [
  entry("LEAF-SEC-01", {
    level: "MUST",
    category: "security",
    part: "client",
    reach: "fixture",
    basis: "implied",
    statement: "The PDS session token stays between app and PDS.",
    check: "reference server stores headers, queries, frames; access and refresh token occur 0 times.",
    source: AUTHENTICATION,
    ...clientOnly("the session token is in the client's hands only"),
  }),
  entry("LEAF-SEC-02", {
    level: "MUST",
    category: "security",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "The author of an event is the authenticated DID.",
    check:
      "as A send B's DID in `user`, `did`, as `userOverride`: the row's user is A, or Err and count unchanged; a state batch likewise.",
    source: AUTHENTICATION,
  }),
  entry("LEAF-SEC-03", {
    level: "MUST",
    category: "security",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "The authorizer judges every event of a batch, each on what those before it did.",
    check:
      "batches with a forbidden event at each place, a duplicate eid inside one batch, a `grant` and then a post of the one it shuts out: Err, count unchanged; allowed orders: Ok.",
    source: ARCHITECTURE,
  }),
];

const OBSERVABILITY: readonly Requirement[] = [
  entry("LEAF-OBS-01", {
    level: "MUST",
    category: "observability",
    part: "client",
    reach: "hook",
    basis: "stated",
    statement: "`pnpm turbo build-web-app-prod` works on a clean checkout: web build, then manifest.",
    check: "build hook: exit 0, output there, manifest newer.",
    source: BUILD,
    ...clientOnly("it is about the app's build"),
  }),
  entry("LEAF-OBS-02", {
    level: "MAY",
    category: "observability",
    part: "client",
    reach: "none",
    basis: "stated",
    statement: "The same app runs as web app and wrapped for other platforms.",
    check: "not on the wire; per platform SESS-01 to -04 show the fallback.",
    source: ARCHITECTURE,
    reported: "nothing on the wire shows on which platforms the app runs",
    ...clientOnly("it is the app that is built for several platforms"),
  }),
];

/** The 45 requirements of the leaf protocol, in the order of the catalogue. */
export const requirements: readonly Requirement[] = [
  ...SIGN_IN,
  ...SESSIONS,
  ...ORDER,
  ...CONVERGENCE,
  ...LATENCY,
  ...RESUMPTION,
  ...ISOLATION,
  ...ERRORS,
  ...ROBUSTNESS,
  ...CAPACITY,
  ...SECURITY,
  ...OBSERVABILITY,
];
