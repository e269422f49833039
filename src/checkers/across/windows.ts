import type { Finding, WitnessStep } from "../../core/checker.ts";
import type { WindowEntry, WindowWitness } from "../../core/witness.ts";
import { writeName } from "./digest.ts";

/** What is known of the parts besides their windows. */
export interface WindowFacts {
  /** The shard that plays a client. */
  readonly homeOf: (author: number) => number;
  /** How far a shard's clock may be off; Infinity when it was not measured. */
  readonly boundMs: (shard: number) => number;
  /** The run is over: nothing is under way any more. */
  readonly isFinal: boolean;
}

/** What came of a look at a stream's windows. */
export interface WindowVerdict {
  readonly findings: readonly Finding[];
  /** Deliveries that had to happen and did not, because a whole shard lacks a write. */
  readonly lost: number;
  /** Everything up to and with this write is judged; undefined when nothing is common to all shards, and the run goes on. */
  readonly upTo: string | undefined;
  /** Names of the writes that are judged. */
  readonly judged: ReadonlySet<string>;
  /** Why not all could be judged. */
  readonly inconclusiveBecause?: string;
}

/**
 * A member has confirmed its join; some of what was sent before may still come to others of its shard. What comes this
 * much later for the first time was sent after the join.
 */
const JOIN_MARGIN_MS = 1000;

/** What has not come to a shard's members so long after it came to others is lost. */
const LATE_MS_MAX = 10_000;

/** Shards that are tried as the one whose order is taken for right. */
const MODELS_MAX = 8;

interface Side {
  readonly shard: number;
  readonly window: WindowWitness;
  readonly places: ReadonlyMap<string, number>;
}

/**
 * Holds the windows of one stream against each other: which write came to the members of one shard in another order,
 * to none of them, with another content, or was never written. What most shards have is taken for right. A pure
 * function: the same windows, in any order of shards, give the same verdict.
 */
export function judgeWindows(windows: ReadonlyMap<number, WindowWitness>, facts: WindowFacts): WindowVerdict {
  const sides = [...windows].sort(([left], [right]) => left - right).map(([shard, window]) => sideOf(shard, window));
  const names = new Set(sides.flatMap(({ places }) => [...places.keys()]));
  const model = modelOf(sides);
  if (model === undefined) return { findings: [], lost: 0, upTo: undefined, judged: names };
  const end = facts.isFinal ? undefined : lastCommon(model, sides, facts);
  if (!facts.isFinal && end === undefined) return { findings: [], lost: 0, upTo: undefined, judged: new Set() };
  const judged = new Set([...names].filter((name) => end === undefined || isBefore(name, end, model, sides)));
  const findings: Finding[] = [];
  for (const side of sides) findings.push(...disorders(model, side, judged));
  const { missing, lost } = losses(sides, judged, facts);
  findings.push(...missing, ...invented(sides, judged, facts), ...damaged(sides, judged));
  const cut = sides.find(({ window }) => window.isCut);
  return {
    findings,
    lost,
    upTo: end,
    judged,
    ...(cut === undefined ? {} : { inconclusiveBecause: `shard ${cut.shard + 1} had to let writes go before all shards had told of them` }),
  };
}

function sideOf(shard: number, window: WindowWitness): Side {
  return { shard, window, places: new Map(window.entries.map(({ author, n }, place) => [writeName(author, n), place])) };
}

/** The writes that two sides have in common, in the order of the second; without those whose place is not certain. */
function common(model: Side, side: Side): readonly { readonly name: string; readonly entry: WindowEntry; readonly place: number }[] {
  return side.window.entries.flatMap((entry) => {
    const name = writeName(entry.author, entry.n);
    const place = model.places.get(name);
    if (place === undefined || entry.isLoose === true || model.window.entries[place]?.isLoose === true) return [];
    return [{ name, entry, place }];
  });
}

function isInOrder(model: Side, side: Side): boolean {
  let greatest = -1;
  for (const { place } of common(model, side)) {
    if (place < greatest) return false;
    greatest = place;
  }
  return true;
}

/** The shard with whose order most others agree; of equals the one that saw most. */
function modelOf(sides: readonly Side[]): Side | undefined {
  const tried = [...sides].sort((left, right) => right.window.entries.length - left.window.entries.length).slice(0, MODELS_MAX);
  let best: { readonly side: Side; readonly agreeing: number } | undefined;
  for (const side of tried) {
    const agreeing = sides.filter((other) => isInOrder(side, other)).length;
    if (best === undefined || agreeing > best.agreeing) best = { side, agreeing };
  }
  return best?.side;
}

/**
 * The last write that all sides have, and before which they all have the same of what they have in common: up to there
 * everything can be judged and forgotten, whatever order it came in. It stands at the same place everywhere, so that a
 * side that has forgotten up to it lacks nothing of what another still shows behind it.
 */
function lastCommon(model: Side, sides: readonly Side[], facts: WindowFacts): string | undefined {
  const shared = model.window.entries
    .map(({ author, n }) => writeName(author, n))
    .filter((name) => sides.every(({ places }) => places.has(name)));
  const ranks = new Map(shared.map((name, rank) => [name, rank]));
  const clean = Array.from({ length: shared.length }, () => 0);
  for (const side of sides) {
    let count = 0;
    let greatest = -1;
    for (const entry of side.window.entries) {
      const rank = ranks.get(writeName(entry.author, entry.n));
      if (rank === undefined) {
        if (sides.some((other) => mayStillCome(other, side, entry, facts))) break;
        continue;
      }
      greatest = Math.max(greatest, rank);
      if (greatest === count && rank === count) clean[count] = (clean[count] ?? 0) + 1;
      count += 1;
    }
  }
  return shared[clean.lastIndexOf(sides.length)];
}

/** Whether a write that the holder has may come to the other side's members yet, late: then it is out of order, not lost. */
function mayStillCome(side: Side, holder: Side, entry: WindowEntry, facts: WindowFacts): boolean {
  const name = writeName(entry.author, entry.n);
  if (side.places.has(name) || facts.homeOf(entry.author) === side.shard || isForgotten(side, holder, name)) return false;
  return (side.window.entries.at(-1)?.atMs ?? -Infinity) < entry.atMs + LATE_MS_MAX;
}

/** Whether a write stands before `end`, or is it, wherever it is known. */
function isBefore(name: string, end: string, model: Side, sides: readonly Side[]): boolean {
  return [model, ...sides].some(({ places }) => (places.get(name) ?? Infinity) <= (places.get(end) ?? -1));
}

function disorders(model: Side, side: Side, judged: ReadonlySet<string>): readonly Finding[] {
  if (side === model) return [];
  const findings: Finding[] = [];
  let last: { readonly entry: WindowEntry; readonly place: number } | undefined;
  for (const each of common(model, side)) {
    if (last !== undefined && each.place < last.place && judged.has(each.name))
      findings.push(disorder(model, side, each.entry, last.entry));
    if (last === undefined || each.place > last.place) last = each;
  }
  return findings;
}

/** `late` came to the side's members after `early`, to the model's before it. */
function disorder(model: Side, side: Side, late: WindowEntry, early: WindowEntry): Finding {
  const [here, there] = [`members of shard ${side.shard + 1}`, `members of shard ${model.shard + 1}`];
  const atModel = (entry: WindowEntry): number => entryOf(model, entry)?.atMs ?? 0;
  return {
    property: "order",
    reason: "disordered",
    room: side.window.room,
    client: clientOf(side),
    expected: `${keyOf(late)} before ${keyOf(early)}, as the ${there} received them`,
    seen: `${keyOf(early)} before ${keyOf(late)} at the ${here}`,
    witness: [
      ...writes(model, side, late, early),
      toMembers(atModel(late), there, `first ${keyOf(late)}`),
      toMembers(atModel(early), there, `then ${keyOf(early)}`),
      { ...toMembers(early.atMs, here, `first ${keyOf(early)}`), isBad: true },
      { ...toMembers(late.atMs, here, `then ${keyOf(late)}`), isBad: true },
    ],
  };
}

/** Writes that every member of a shard missed although some had to receive them. */
function losses(
  sides: readonly Side[],
  judged: ReadonlySet<string>,
  facts: WindowFacts,
): { readonly missing: readonly Finding[]; readonly lost: number } {
  const missing: Finding[] = [];
  let lost = 0;
  for (const name of judged) {
    const holder = sides.find(({ places }) => places.has(name));
    const entry = holder?.window.entries[holder.places.get(name) ?? -1];
    // What its own shard never wrote, nobody had to receive.
    if (holder === undefined || entry === undefined || isInvented(sides, entry, facts)) continue;
    for (const side of sides) {
      // The author's own shard accounts for its members itself; what a shard has forgotten, all had agreed on.
      if (side.places.has(name) || facts.homeOf(entry.author) === side.shard || isForgotten(side, holder, name)) continue;
      const members = whoMust(side, holder, entry, sides, facts);
      if (members.length === 0) continue;
      lost += members.length;
      const here = `members of shard ${side.shard + 1}`;
      missing.push({
        property: "delivery",
        reason: "lost",
        room: side.window.room,
        client: members[0] ?? 0,
        expected: `${keyOf(entry)} at every member, as at those of shard ${holder.shard + 1}`,
        seen: `received by none of the ${here}`,
        witness: [
          ...writes(holder, side, entry),
          toMembers(entry.atMs, `members of shard ${holder.shard + 1}`, keyOf(entry)),
          { ...toMembers(entry.atMs, here, `never received: ${keyOf(entry)}`), isBad: true },
        ],
      });
    }
  }
  return { missing, lost };
}

/** Whether a write that the holder still has stands before what the side has kept. */
function isForgotten({ window }: Side, { places }: Side, name: string): boolean {
  const from = window.after === "" ? undefined : places.get(window.after);
  return from !== undefined && (places.get(name) ?? -1) <= from;
}

/**
 * The members of a side that had to receive a write of which it knows nothing: those that were there when it was sent,
 * by clocks whose difference is known, or that were there well before something that came ahead of it.
 */
function whoMust(side: Side, holder: Side, entry: WindowEntry, sides: readonly Side[], facts: WindowFacts): readonly number[] {
  const home = sides.find(({ shard }) => shard === facts.homeOf(entry.author));
  const sentMs = (home === undefined ? undefined : entryOf(home, entry)?.sentMs) ?? Number.NaN;
  const sentFromMs = sentMs - facts.boundMs(side.shard) - facts.boundMs(home?.shard ?? -1);
  const before = holder.window.entries
    .slice(0, holder.places.get(writeName(entry.author, entry.n)))
    .reverse()
    .find(({ author, n }) => side.places.has(writeName(author, n)));
  const beforeMs = (before === undefined ? undefined : entryOf(side, before)?.atMs) ?? Number.NaN;
  return side.window.members
    .filter(({ sinceMs }) => sinceMs < sentFromMs || sinceMs + JOIN_MARGIN_MS < beforeMs)
    .map(({ client }) => client);
}

function isInvented(sides: readonly Side[], { author, n }: WindowEntry, facts: WindowFacts): boolean {
  const home = sides.find(({ shard }) => shard === facts.homeOf(author));
  return home !== undefined && n > (home.window.wrote.find((each) => each.author === author)?.n ?? 0);
}

function invented(sides: readonly Side[], judged: ReadonlySet<string>, facts: WindowFacts): readonly Finding[] {
  return sides.flatMap((side) =>
    side.window.entries
      .filter((entry) => judged.has(writeName(entry.author, entry.n)) && isInvented(sides, entry, facts))
      .map((entry): Finding => ({
        property: "isolation",
        reason: "foreign",
        room: side.window.room,
        client: clientOf(side),
        expected: `only writes of room ${side.window.room}`,
        seen: `${keyOf(entry)}, which nobody wrote`,
        witness: [{ ...toMembers(entry.atMs, `members of shard ${side.shard + 1}`, keyOf(entry)), isBad: true }],
      })),
  );
}

/** Writes with another content in one shard than in the first that has them. */
function damaged(sides: readonly Side[], judged: ReadonlySet<string>): readonly Finding[] {
  const first = new Map<string, { readonly side: Side; readonly entry: WindowEntry }>();
  const findings: Finding[] = [];
  for (const side of sides) {
    for (const entry of side.window.entries) {
      const name = writeName(entry.author, entry.n);
      if (!judged.has(name) || entry.content === undefined) continue;
      const before = first.get(name);
      if (before === undefined) first.set(name, { side, entry });
      else if (before.entry.content !== entry.content) {
        findings.push({
          property: "delivery",
          reason: "damaged",
          room: side.window.room,
          client: clientOf(side),
          expected: `${keyOf(entry)} with a content of sum ${before.entry.content ?? ""}, as at shard ${before.side.shard + 1}`,
          seen: `a content of sum ${entry.content} at shard ${side.shard + 1}`,
          witness: [
            toMembers(before.entry.atMs, `members of shard ${before.side.shard + 1}`, keyOf(entry)),
            { ...toMembers(entry.atMs, `members of shard ${side.shard + 1}`, `${keyOf(entry)}, another content`), isBad: true },
          ],
        });
      }
    }
  }
  return findings;
}

function entryOf(side: Side, { author, n }: WindowEntry): WindowEntry | undefined {
  return side.window.entries[side.places.get(writeName(author, n)) ?? -1];
}

function writes(left: Side, right: Side, ...entries: readonly WindowEntry[]): readonly WitnessStep[] {
  return entries.flatMap((entry) => {
    const sentMs = entryOf(left, entry)?.sentMs ?? entryOf(right, entry)?.sentMs;
    return sentMs === undefined ? [] : [{ atMs: sentMs, from: `client ${entry.author}`, to: "server", label: `write ${keyOf(entry)}` }];
  });
}

function toMembers(atMs: number, to: string, label: string): WitnessStep {
  return { atMs, from: "server", to, label };
}

function clientOf({ window }: Side): number {
  return window.members[0]?.client ?? 0;
}

function keyOf({ author, n }: WindowEntry): string {
  return `a=${author} n=${n}`;
}
