import type { DoorFacts, DoorFaults } from "../faults.ts";

/** Takes a token in spite of this. */
function overlooks(refusal: string): () => Partial<DoorFaults> {
  return () => ({ overlooks: (token) => token.refusal === refusal });
}

/** A held call goes on after this when no other one comes. */
const HOLD_MS = 10;
/** Over the budget of 250 ms for delivery (L-10). */
const LATE_MS = 300;
/** Tokens of one case alone are so short. */
const SHORT_LIFE_MS = 20_000;

/** Every seventh append is made after its author's next one, when that comes at once. */
function reorders(): Partial<DoorFaults> {
  const held = new Map<string, () => void>();
  const counts = new Map<string, number>();
  return {
    order: ({ did, name }: DoorFacts, act) => {
      if (name !== "stream/event_batch" || did === undefined) return act();
      const count = (counts.get(did) ?? 0) + 1;
      counts.set(did, count);
      const waiting = held.get(did);
      if (count % 7 !== 0 || waiting !== undefined) {
        act();
        waiting?.();
        return;
      }
      const release = (): void => {
        clearTimeout(timer);
        if (held.delete(did)) act();
      };
      const timer = setTimeout(release, HOLD_MS);
      held.set(did, release);
    },
  };
}

const FOREIGN_METHOD = /^did:(key|example):/;

export const DOOR_FAULTS: Readonly<Record<string, () => Partial<DoorFaults>>> = {
  "takes-any-signature": overlooks("signature"),
  "takes-expired-tokens": overlooks("expired"),
  "takes-tokens-without-expiry": overlooks("no-expiry"),
  "takes-tokens-for-others": overlooks("audience"),
  "takes-tokens-for-another-method": overlooks("method"),
  "takes-tokens-that-live-long": overlooks("lifetime"),
  "takes-long-tokens-without-method": overlooks("lifetime-without-method"),
  "takes-tokens-of-the-future": overlooks("issued-at"),
  "takes-high-s": overlooks("high-s"),
  "takes-access-tokens": overlooks("type"),
  "takes-issuers-with-fragment": overlooks("fragment"),
  "takes-unknown-dids": overlooks("unknown-did"),
  "believes-a-retired-key": () => ({ refetches: false, keyLifeMs: () => 3_600_000 }),
  "refuses-did-web": () => ({ takesMethod: (did, isTaken) => isTaken && !did.startsWith("did:web:") }),
  "takes-other-methods": () => ({
    takesMethod: (did, isTaken) => isTaken || FOREIGN_METHOD.test(did),
    overlooks: ({ claims, refusal }) => refusal === "unknown-did" && FOREIGN_METHOD.test(String(claims["iss"])),
  }),
  "wants-the-bare-audience": () => ({ audiences: (right) => right.slice(0, 1) }),
  "route-names-another-user": () => ({ proxyUser: () => "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" }),
  "lets-anybody-upload": () => ({ letsIn: ({ did, name }) => did === undefined && name === "module/upload" }),
  "ends-the-session-with-its-token": () => ({ sessionLifeMs: (lifeMs) => (lifeMs < SHORT_LIFE_MS ? lifeMs : undefined) }),
  "reorders-pipelined-appends": reorders,
  "news-are-late": () => ({ newsDelayMs: LATE_MS }),
  "news-go-on-after-the-end": () => ({ keepsAfterEnd: true }),
  "others-end-a-subscription": () => ({ endsForeign: true }),
  "everybody-is-owner": () => ({ isOwner: ({ did }, isOwner) => isOwner || did !== undefined }),
  "waits-for-the-directory": () => ({ lookupMsMax: () => 60_000 }),
  "does-not-answer-a-bad-create": () => ({ refusal: ({ name }) => (name === "stream/create" ? "silent" : "told") }),
  "drops-news-for-slow-readers": () => ({ dropsForSlow: true }),
  "takes-user-override": () => ({ takesOverride: true }),
};
