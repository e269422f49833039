import type { Mutant } from "../../core/binding.ts";
import { type RequirementId, requirementId } from "../../core/ids.ts";
import type { Reason } from "../../core/reason.ts";

/** `CONV-04 lost`: an id without its system, and the reason. */
type Breaking = `${string} ${Reason}`;

function broken(text: Breaking): { readonly id: RequirementId; readonly reason: Reason } {
  const [id, reason] = text.split(" ");
  return { id: requirementId(`LEAF-${id}`), reason: reason as Reason };
}

function mutant(id: string, breaks: Breaking | readonly Breaking[], summary: string, also: readonly Breaking[] = []): Mutant {
  return {
    id,
    summary,
    breaks: (typeof breaks === "string" ? [breaks] : breaks).map(broken),
    ...(also.length === 0 ? {} : { also: also.map(broken) }),
  };
}

const SIGN_IN: readonly Mutant[] = [
  mutant("believes-a-retired-key", "AUTH-02 stale", "A key is kept for an hour, also when signatures no longer fit it."),
  mutant("takes-unknown-dids", ["AUTH-02 not-refused", "AUTH-09 not-refused"], "An issuer whose document is not there is believed."),
  mutant("refuses-did-web", "AUTH-03 wrong-refusal", "Accounts of did:web are refused."),
  mutant("takes-other-methods", "AUTH-03 not-refused", "did:key and others are believed without a document."),
  mutant("wants-the-bare-audience", "AUTH-07 wrong-refusal", "A token for `<DID>#leaf_server` is refused."),
  mutant("route-names-another-user", "AUTH-07 foreign", "The route for proxying answers with another user's DID."),
  mutant("lets-anybody-upload", "AUTH-08 not-refused", "Anonymous sessions may upload modules."),
  mutant(
    "reads-are-open-to-nobody-in-particular",
    ["AUTH-08 not-refused", "AUTH-08 leaked"],
    "The guards of a query are left out for anonymous sessions.",
  ),
  mutant("takes-any-signature", "AUTH-09 not-refused", "A signature that does not fit is taken.", ["AUTH-02 not-refused"]),
  mutant("takes-expired-tokens", "AUTH-09 not-refused", "An expired token is taken."),
  mutant("takes-tokens-without-expiry", "AUTH-09 not-refused", "A token without `exp` is taken."),
  mutant("takes-tokens-for-others", "AUTH-09 not-refused", "A token for another audience is taken."),
  mutant("takes-tokens-for-another-method", "AUTH-09 not-refused", "A token for another method is taken."),
  mutant("takes-tokens-that-live-long", "AUTH-09 not-refused", "A token that lives for more than an hour is taken."),
  mutant(
    "takes-long-tokens-without-method",
    "AUTH-09 not-refused",
    "A token without a method is taken although it lives for more than a minute.",
  ),
  mutant("takes-tokens-of-the-future", "AUTH-09 not-refused", "A token that is issued later is taken."),
  mutant("takes-high-s", "AUTH-09 not-refused", "A signature with the higher of the two possible s is taken."),
  mutant("takes-access-tokens", "AUTH-09 not-refused", "Tokens of other types, such as at+jwt, are taken."),
  mutant("takes-issuers-with-fragment", "AUTH-09 not-refused", "An issuer with a fragment is taken for the bare DID."),
  mutant("ends-the-session-with-its-token", "SESS-05 closed", "The socket is closed when the token that opened it expires."),
];

const STREAMS: readonly Mutant[] = [
  mutant("swaps-rows-of-a-window", "ORD-01 disordered", "In small windows far along a stream the first two rows change places."),
  mutant("lets-modules-write-the-log", "ORD-02 damaged", "The SQL of a module may write the log.", [
    "ORD-02 lost",
    "ORD-02 ghost",
    "ORD-02 not-refused",
  ]),
  mutant("reorders-pipelined-appends", "ORD-03 disordered", "Every seventh append is made after the next one of its author."),
  mutant("skips-one-where-history-ends", "ORD-04 lost", "With limit 499 one event is left out where history becomes live."),
  mutant("repeats-one-where-history-ends", "ORD-04 doubled", "With limit 500 one event comes again where history becomes live."),
  mutant("forgets-the-last-events", "ORD-05 lost", "The last five events of a stream are gone when the server starts again.", [
    "ORD-02 lost",
    "ORD-02 damaged",
  ]),
  mutant("keeps-part-of-a-refused-batch", ["ORD-06 ghost", "SEC-03 ghost"], "Events before the refused one of a batch stand."),
  mutant("leaves-a-gap-for-a-refused-batch", "ORD-06 lost", "A refused batch uses up a position.", [
    "ERR-02 lost",
    "ORD-05 lost",
    "SEC-03 ghost",
  ]),
  mutant("judges-the-first-event-only", "SEC-03 not-refused", "Only the first event of a batch is shown to the authorizer."),
  mutant("takes-user-override", "SEC-02 foreign", "`userOverride` counts for everybody."),
];

const VIEWS: readonly Mutant[] = [
  mutant("view-misses-far-deletions", "CONV-01 diverged", "Deletions far along a stream are not materialised."),
  mutant("view-leaves-out-its-last-row", "CONV-02 diverged", "The view `room` is answered without its last row."),
  mutant("rebuilds-from-part-of-the-log", "CONV-03 diverged", "A module put in place of another is given 99 of 100 events."),
  mutant("read-behind-an-append-is-empty", "CONV-04 stale", "A window whose only row is the newest event is answered empty."),
  mutant("state-events-enter-the-log", "CONV-05 ghost", "State events are written to the log as well."),
  mutant("keeps-part-of-a-refused-state-batch", "CONV-05 ghost", "State events before the refused one stand.", ["CONV-05 lost"]),
  mutant("whole-floats-become-integers", "CONV-06 damaged", "A whole float as a parameter becomes an integer."),
];

const SUBSCRIPTIONS: readonly Mutant[] = [
  mutant("news-are-late", "LAT-01 late", "News go out 300 ms late."),
  mutant("resumes-one-too-late", "RES-01 lost", "A subscription with `start` leaves out its first position.", [
    "ORD-05 lost",
    "CAP-03 lost",
  ]),
  mutant("leaks-between-streams", "ISO-01 foreign", "Subscribers of one stream hear some news of another."),
  mutant("news-go-on-after-the-end", "ISO-01 leaked", "News go on after the answer to unsubscribe."),
  mutant("others-end-a-subscription", "ISO-01 not-refused", "Any socket may end any subscription.", ["ISO-01 lost", "ISO-01 malformed"]),
  mutant(
    "reads-are-open-to-strangers",
    ["ISO-02 not-refused", "ISO-02 leaked"],
    "The guards of a query are left out for users that are signed in.",
  ),
  mutant("everybody-is-owner", "ISO-02 not-refused", "What is the owner's is everybody's."),
  mutant("drops-news-for-slow-readers", "CAP-01 lost", "News for a socket that does not read are dropped in silence."),
  mutant("sends-all-windows-before-it-listens", "CAP-02 late", "All waiting windows are sent before any call is heard."),
  mutant("window-is-too-wide", "CAP-03 over-limit", "A window is as wide as it is asked for."),
];

const ERRORS: readonly Mutant[] = [
  mutant("waits-for-the-directory", "ERR-01 silent", "A look-up in the directory may take a minute."),
  mutant("takes-bad-bounds", "ERR-02 not-refused", "Limits below 1 and negative starts are taken."),
  mutant("missing-parameter-is-null", "ERR-02 not-refused", "A parameter that is missing or of the wrong kind is taken."),
  mutant("does-not-answer-a-bad-create", "ERR-02 silent", "`stream/create` of a module that is not there gets no answer."),
];

/** Reference servers with one deliberate fault each. */
export const mutants: readonly Mutant[] = [...SIGN_IN, ...STREAMS, ...VIEWS, ...SUBSCRIPTIONS, ...ERRORS];
