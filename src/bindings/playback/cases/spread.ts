/** What a sample of ids, in the order of creation, tells about guessing further ones. */
export interface IdSpread {
  /** Bits that vary, by the number of characters seen at each place; bounded by what the sample can show. */
  readonly bits: number;
  /** Nearly all ids are greater than the one before: a counter or a clock. */
  readonly isAscending: boolean;
}

/** Share of ascending neighbours from which a common counter is likely; creations run at once, so some swap. */
const ASCENDING_SHARE = 0.8;

/** Ids of several lengths are compared up to the shortest. */
export function spreadOfIds(ids: readonly string[]): IdSpread {
  const length = ids.reduce((shortest, id) => Math.min(shortest, id.length), Infinity);
  let bits = 0;
  for (let place = 0; place < length && Number.isFinite(length); place += 1) {
    bits += Math.log2(new Set(ids.map((id) => id[place])).size);
  }
  let ascending = 0;
  for (let index = 1; index < ids.length; index += 1) if (isAfter(ids[index] ?? "", ids[index - 1] ?? "")) ascending += 1;
  return { bits: Math.floor(bits), isAscending: ids.length > 10 && ascending / (ids.length - 1) >= ASCENDING_SHARE };
}

function isAfter(id: string, before: string): boolean {
  return id.length === before.length ? id > before : id.length > before.length;
}
