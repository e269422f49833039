import type { CoId, Message, MessageEvent, Placed, TimelineItem } from "./messages.ts";

/** Order of texts by UTF-16 code unit. */
export function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function comparePlace(left: Placed<unknown>, right: Placed<unknown>): number {
  return compareText(left.account, right.account) || compareText(left.session, right.session) || left.index - right.index;
}

type Of<Kind extends MessageEvent["kind"]> = Placed<Extract<MessageEvent, { readonly kind: Kind }>>;

function ofKind<Kind extends MessageEvent["kind"]>(events: readonly Placed<MessageEvent>[], kind: Kind): Of<Kind>[] {
  return events.filter((each): each is Of<Kind> => each.value.kind === kind);
}

/** Each event once, in one order whatever order they came in; what a replica got twice counts once. */
function unique(events: readonly Placed<MessageEvent>[]): readonly Placed<MessageEvent>[] {
  const byPlace = new Map(events.map((each) => [`${each.session}/${each.index}`, each]));
  return [...byPlace.values()].sort(comparePlace);
}

/** Edits that count (J-1): their version begins with their own account. */
function validEdits(events: readonly Placed<MessageEvent>[]): Of<"edit">[] {
  return ofKind(events, "edit").filter((each) => each.value.version.startsWith(`${each.account}/`));
}

/** Versions that nobody has replaced, for the `parents` of the next edit (J-4); `"0"` is the creation. */
export function liveVersions(events: readonly Placed<MessageEvent>[]): readonly string[] {
  const edits = validEdits(unique(events));
  const live = liveOf(edits).map((each) => each.value.version);
  return edits.length === 0 ? ["0"] : [...new Set(live)];
}

function liveOf(edits: readonly Of<"edit">[]): readonly Of<"edit">[] {
  const replaced = new Set(edits.flatMap((each) => each.value.parents));
  return edits.filter((each) => !replaced.has(each.value.version));
}

function byVersion(left: Of<"edit">, right: Of<"edit">): number {
  return compareText(left.account, right.account) || compareText(left.value.version, right.value.version) || comparePlace(left, right);
}

function contentOf(created: Of<"create">, edits: readonly Of<"edit">[]): string {
  if (edits.length === 0) return created.value.content;
  const live = liveOf(edits);
  // Edits that replace each other in a circle: the greatest stands for all.
  const shown = live.length > 0 ? [...live].sort(byVersion) : [...edits].sort(byVersion).slice(-1);
  return shown.map((each) => each.value.content).join("\n");
}

/** Per (emoji, account) the latest word counts; of two at one time, `on` (J-6). */
function reactionsOf(events: readonly Placed<MessageEvent>[]): Record<string, CoId[]> {
  const latest = new Map<string, Of<"reaction">>();
  for (const each of ofKind(events, "reaction")) {
    const key = `${each.account} ${each.value.emoji}`;
    const before = latest.get(key)?.value;
    if (before === undefined || each.value.at > before.at || (each.value.at === before.at && each.value.on)) latest.set(key, each);
  }
  const shown = [...latest.values()].filter((each) => each.value.on);
  const reactions: Record<string, CoId[]> = {};
  for (const { account, value } of shown.sort(
    (left, right) => compareText(left.value.emoji, right.value.emoji) || comparePlace(left, right),
  )) {
    const accounts = Object.hasOwn(reactions, value.emoji) ? reactions[value.emoji] : undefined;
    if (accounts === undefined) Object.defineProperty(reactions, value.emoji, { value: [account], enumerable: true });
    else accounts.push(account);
  }
  return reactions;
}

/**
 * The message that a feed's events make (J-1, J-4, J-6): the same for any order, grouping and repetition. Undefined
 * while no `create` counts (J-12). Two devices of one account may give two edits one version: both stand, ordered by
 * session and index.
 */
export function foldMessage(id: CoId, all: readonly Placed<MessageEvent>[]): Message | undefined {
  const events = unique(all);
  const [created] = ofKind(events, "create")
    .filter((each) => each.value.author === each.account)
    .sort((left, right) => left.value.createdAt - right.value.createdAt || comparePlace(left, right));
  if (created === undefined) return undefined;
  const edits = validEdits(events);
  const deletions = ofKind(events, "delete");
  const times = [...edits, ...deletions].map((each) => each.value.at);
  return {
    id,
    content: deletions.length > 0 ? "" : contentOf(created, edits),
    createdAt: created.value.createdAt,
    author: created.value.author,
    threadId: created.value.threadId,
    reactions: deletions.length > 0 ? {} : reactionsOf(events),
    hiddenIn: [...new Set(ofKind(events, "hide").map((each) => each.value.threadId))].sort(compareText),
    ...(deletions.length > 0 ? { softDeleted: true } : {}),
    ...(times.length > 0 ? { updatedAt: times.reduce((left, right) => Math.max(left, right)) } : {}),
  };
}

/** Message ids of a timeline in the order shown (J-5): by (madeAt, account, id); one listed twice counts at its least place. */
export function foldTimeline(items: readonly Placed<TimelineItem>[]): readonly CoId[] {
  const sorted = [...items].sort(
    (left, right) =>
      left.value.madeAt - right.value.madeAt ||
      compareText(left.account, right.account) ||
      compareText(left.value.value, right.value.value),
  );
  return [...new Set(sorted.map((each) => each.value.value))];
}
