/** Random bits that a token must have (Y-6). */
export const VARYING_BITS_MIN = 128;

/** Chance of a false alarm over all positions together. */
const FALSE_ALARM = 1e-6;

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * The bits of a token by its form: Crockford base32 (52 characters are 256 bits: the last has one significant bit),
 * hexadecimal, UUID without its fixed bits, else base64url.
 */
export function bitsOf(token: string): readonly number[] {
  if (/^[0-9A-HJKMNP-TV-Z]{52}$/.test(token))
    return token
      .split("")
      .flatMap((each) => digitBits(CROCKFORD.indexOf(each), 5))
      .slice(0, 256);
  const hex = token.replace(/-/g, "");
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(token)) {
    const bits = hex.split("").flatMap((each) => digitBits(Number.parseInt(each, 16), 4));
    return bits.filter((_, at) => (at < 48 || at > 51) && at !== 64 && at !== 65);
  }
  if (/^[0-9a-f]+$/i.test(token)) return token.split("").flatMap((each) => digitBits(Number.parseInt(each, 16), 4));
  return token.split("").flatMap((each) => digitBits(Math.max(0, BASE64URL.indexOf(each)), 6));
}

function digitBits(digit: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => (digit >> (count - 1 - at)) & 1);
}

/**
 * How far the ones at the worst position are from half, in standard deviations, and how far they may be: counted over
 * the tokens and over the XOR of neighbours, with Bonferroni's correction for all positions. Positions that never vary
 * are left out: they are counted as such. Refutes only.
 */
export function biasOf(tokens: readonly (readonly number[])[]): { readonly worst: number; readonly limit: number } {
  const neighbours = tokens.slice(1).map((bits, index) => bits.map((bit, at) => bit ^ (tokens[index]?.[at] ?? 0)));
  const positions = tokens[0]?.length ?? 0;
  let worst = 0;
  let tests = 0;
  for (const series of [tokens, neighbours]) {
    for (let at = 0; at < positions; at += 1) {
      const ones = series.reduce((sum, bits) => sum + (bits[at] ?? 0), 0);
      if (ones === 0 || ones === series.length) continue;
      tests += 1;
      worst = Math.max(worst, Math.abs(ones - series.length / 2) / Math.sqrt(series.length / 4));
    }
  }
  return { worst, limit: deviations(FALSE_ALARM / Math.max(1, tests)) };
}

/** The z with a two-sided tail of p: by halving over the bound exp(-z²/2) ≥ P(|Z| > z) for z > 1. */
function deviations(p: number): number {
  return Math.sqrt(-2 * Math.log(p));
}
