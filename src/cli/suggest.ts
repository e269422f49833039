/** Levenshtein distance, two rows at a time. Words of a command line: short, so the quadratic cost is nothing. */
export function distance(left: string, right: string): number {
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const swap = (above[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(swap, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[right.length] ?? 0;
}

/** The word that was probably meant: at most a third of its letters differ; undefined when none is that near. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  let best: { readonly word: string; readonly cost: number } | undefined;
  for (const candidate of candidates) {
    const cost = distance(word.toLowerCase(), candidate.toLowerCase());
    if (cost <= Math.max(1, Math.floor(candidate.length / 3)) && (best === undefined || cost < best.cost)) best = { word: candidate, cost };
  }
  return best?.word;
}
