import { createBucketHistogram } from "../src/core/bucket-histogram.ts";
import { parseDurationMs, parsePlace } from "../src/core/place.ts";
import { createPrng, hash32 } from "../src/core/prng.ts";
import { decodeUtf8, encodeUtf8 } from "../src/core/utf8.ts";
import { isPlayedBy } from "../src/load/shares.ts";

// What our portable code does where a runtime lacks TextEncoder, URL and the like, as one line: the same in k6 as in
// Node, which `test/k6-portable.test.ts` holds against each other. It imports nothing of k6.

/** Texts, places, durations, shares and histograms made from a seed, and what came of them. */
export function portable(seed: string): string {
  const prng = createPrng(seed);
  const told: string[] = [];
  for (let round = 0; round < 50; round += 1) {
    const text = Array.from({ length: prng.below(40) }, () => String.fromCodePoint(prng.below(0x2_ffff))).join("");
    const bytes = encodeUtf8(text);
    told.push(Array.from(bytes, (byte) => byte.toString(16)).join(""), decodeUtf8(bytes, 0, bytes.length) ?? "none");
    told.push(JSON.stringify(parsePlace(`wss://Host-${prng.below(100)}.example:${1 + prng.below(65_000)}/base/${prng.below(9)}/`)));
    told.push(String(parseDurationMs(`${prng.below(9)}m${prng.below(60)}s`)));
    const share = { index: prng.below(3), count: 3, by: prng.pick(["rooms", "members"] as const) };
    told.push(String(isPlayedBy(prng.below(1000), prng.below(100), { index: prng.below(4), count: 4 }, share)));
  }
  const histogram = createBucketHistogram();
  for (let round = 0; round < 500; round += 1) histogram.record(prng.next() ** 5 * 10_000);
  told.push(histogram.encode(), ...[50, 90, 99, 99.9].map((p) => String(histogram.percentileMs(p))));
  return `${told.length}-${hash32(told.join("\n")).toString(16)}`;
}

export const options: { readonly vus: number; readonly iterations: number } = { vus: 1, iterations: 1 };

/** What k6 calls. */
// oxlint-disable-next-line import/no-default-export -- k6 calls the default export.
export default function run(): void {
  console.log(`rollcall-portable ${portable("portable")}`);
}
