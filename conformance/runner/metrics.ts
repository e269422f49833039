/** Lines of a metrics page that are read: the reference's page has some dozens. */
const LINES_MAX = 20_000;

/**
 * Prometheus text format as figures by name without prefix, labels summed. Lines that are no sample are passed over;
 * names without the prefix are left out.
 */
export function parseMetrics(text: string, prefix: string): Readonly<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const line of text.split("\n", LINES_MAX)) {
    const sample = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})?\s+(\S+)/.exec(line);
    const name = sample?.[1];
    const value = Number(sample?.[2]);
    if (name === undefined || !Number.isFinite(value) || !name.startsWith(prefix)) continue;
    const key = name.slice(prefix.length);
    figures[key] = (figures[key] ?? 0) + value;
  }
  return figures;
}
