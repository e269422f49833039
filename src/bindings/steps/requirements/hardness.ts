import { requirementId } from "../../../core/ids.ts";
import type { Requirement } from "../../../core/requirement.ts";

const SOURCE = "realtime-pm, Architecture › ";

type Entry = Omit<Requirement, "id" | "source"> & { readonly source: string };

function entry(id: string, { source, ...rest }: Entry): Requirement {
  return { id: requirementId(id), ...rest, source: SOURCE + source };
}

/** Isolation, errors, robustness, capacity, security, observability. */
export const hardness: readonly Requirement[] = [
  entry("STEP-ISO-01", {
    level: "MUST",
    category: "isolation",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Users reach only rooms they have explicitly joined.",
    check:
      "marked steps and presence in 20 rooms: 0 foreign markers. A socket that never joined sends steps and presence: refused, members see nothing. The same after `leave`.",
    source: "Security Considerations › Room isolation",
  }),
  entry("STEP-ISO-02", {
    level: "MUST",
    category: "isolation",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "A member of room X can not act on room Y by naming Y in a message; versions of rooms are independent.",
    check:
      "joined to X only, send each message type naming Y (`upstream`: `roomId`, all types but `join`; `documented`: stray `roomId`/`room` fields): Y unchanged, its members see nothing. Drive X to 1000; Y starts at its own version.",
    source: 'Security Considerations › Room isolation; RealtimeServer, "Multi-room support"',
  }),
  entry("STEP-ERR-01", {
    level: "MUST",
    category: "errors",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Errors come as `error` messages with a machine code, a human text and a timestamp.",
    check:
      "cause each error of S-19 that the target can show; fields present with the right types (`upstream`: `code`, `reason`); codes stable over repetitions and different by cause; within 2 s.",
    source: "Message Types › Error Messages",
  }),
  entry("STEP-ERR-02", {
    level: "MUST",
    category: "errors",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Every incoming step is validated before it is applied; a bad one brings an error to its sender and no change.",
    check:
      "unknown `stepType`, the positions that S-16 refuses, slice against the schema, `steps` no array: error at the sender, 0 broadcasts, version unchanged. Empty `steps`: S-2.",
    source: 'Security › Input validation; Step Codecs, "Step validation and error handling"',
  }),
  entry("STEP-ERR-03", {
    level: "MUST",
    category: "errors",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Input that is no JSON, has no type or an unknown type is answered with an error and the connection stays usable.",
    check:
      '`{`, `[]`, `null`, `"x"`, `{}`, `{type:1}`, `{type:"nope"}`, a binary frame: an error each within 2 s; a good step afterwards is accepted.',
    source: 'Message Types › Error Messages; Step Codecs, "Error recovery mechanisms"',
  }),
  entry("STEP-ROB-01", {
    level: "MUST",
    category: "robustness",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Timestamps are informative: a sender with a wrong clock does no harm.",
    check:
      "clocks a day off either way, timestamps of a wrong type or absent: version order holds, join and leave work as usual; server timestamps are within 5 s of now.",
    source: 'Message Types, "Unix timestamp"',
  }),
  entry("STEP-ROB-02", {
    level: "SHOULD",
    category: "robustness",
    part: "server",
    reach: "wire+clock",
    basis: "inferred",
    statement: "A member that stops reading does not hold up the others or fill the memory.",
    check: "one of 20 stops reading at 500 steps/s; the others keep their p99; the slow one is closed or catches up from a state (S-13).",
    source: "RealtimeServer",
  }),
  entry("STEP-ROB-03", {
    level: "SHOULD",
    category: "robustness",
    part: "both",
    reach: "none",
    basis: "stated",
    statement: "Text frames with JSON work; a binary form is optional.",
    check: "opcode of all frames; bytes per step; if binary is offered, the suite runs again over it.",
    source: 'Step Codecs, "Efficient binary serialization", against Message Protocol, "JSON-based"',
    reported:
      "Whether a server also has a binary form cannot be told from outside unless it says so; text frames with JSON are what every other check uses.",
  }),
  entry("STEP-CAP-01", {
    level: "SHOULD",
    category: "capacity",
    part: "server",
    reach: "wire+clock",
    basis: "stated",
    statement: "One room handles thousands of steps per second.",
    check: "accepted steps/s (not sent ones) with one writer in batches, 10 and 100 writers; share of refusals; S-11 in the best form.",
    source: "Performance Characteristics › Throughput",
  }),
  entry("STEP-CAP-02", {
    level: "SHOULD",
    category: "capacity",
    part: "server",
    reach: "wire+clock",
    basis: "stated",
    statement: "A busy room does not slow a quiet one much.",
    check: "a quiet pair alone, then beside 1, 10, 100 busy rooms; ratio of p99 (3 or less is good).",
    source: 'RealtimeServer, "Multi-room support"',
    reported: "The source promises several rooms and gives no figure for what one may cost another.",
  }),
  entry("STEP-CAP-03", {
    level: "MAY",
    category: "capacity",
    part: "server",
    reach: "wire x2",
    basis: "stated",
    statement: "Rooms can be spread over servers, one room on one server.",
    check: "two URLs and a room rule: a member at the wrong one is refused or redirected, never alone in a second copy.",
    source: "Performance Characteristics › Scalability",
    needs: ["secondUrl"],
  }),
  entry("STEP-SEC-01", {
    level: "SHOULD",
    category: "security",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "Within a connection the id of the join counts; acting in another's name is refused. There is no built-in authentication.",
    check:
      "joined as A, send steps, presence, leave for B: error; B's session and presence unharmed. Record that no credential was needed.",
    source: 'Security Considerations › No built-in authentication; RealtimeServer, "User session tracking"',
  }),
  entry("STEP-SEC-02", {
    level: "SHOULD",
    category: "security",
    part: "server",
    reach: "wire+clock",
    basis: "stated",
    statement: "Where there is a rate limit, it hits only the sender and says so.",
    check: "10 × the allowed rate: error with a rate code or paused reading; others within S-10.",
    source: "Security Considerations › Rate limiting",
    needs: ["rateLimit"],
    noMutant: {
      kind: "needs",
      capability: "rateLimit",
      because: "The embedded server has no limit unless it is told one, and the check then skips the entry.",
    },
  }),
  entry("STEP-SEC-03", {
    level: "SHOULD",
    category: "security",
    part: "server",
    reach: "wire",
    basis: "inferred",
    statement: "Keys such as `__proto__` or `constructor` as id or metadata key do no harm; metadata comes out as plain data.",
    check: "join and send presence with these; the server lives, others' presence has no new fields.",
    source: "Security Considerations › Input validation; User Presence Data",
  }),
  entry("STEP-OBS-01", {
    level: "MAY",
    category: "observability",
    part: "both",
    reach: "hook",
    basis: "inferred",
    statement: "Version, member count and accepted and refused steps per room can be read.",
    check:
      "metrics hook against the harness's counts, ±1 % (counted per process: phase exclusive). Driver: `state()` gives version and document.",
    source: "Performance Characteristics",
    needs: ["metrics"],
    noMutant: {
      kind: "not-visible",
      because: "An entry of level MAY is shown when it is not met, and never fails: no mutant could be told from the pristine server.",
    },
  }),
];
