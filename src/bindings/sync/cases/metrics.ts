import type { CaseContext } from "../../../core/case.ts";
import type { Lab } from "./lab.ts";

/** Metrics of an instance that a case has started, by name without prefix, labels summed; empty when there are none. */
export async function metricsOf(t: CaseContext, lab: Lab, url: string): Promise<Readonly<Record<string, number>>> {
  const hook = t.target.hooks.metrics;
  if (hook === undefined) return {};
  const answer = await lab.http({ url, path: hook.path });
  const figures: Record<string, number> = {};
  for (const line of answer.body.split("\n")) {
    const sample = /^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})?\s+(\S+)/.exec(line);
    const name = sample?.[1];
    const value = Number(sample?.[2]);
    if (name === undefined || !Number.isFinite(value) || !name.startsWith(hook.prefix)) continue;
    const key = name.slice(hook.prefix.length);
    figures[key] = (figures[key] ?? 0) + value;
  }
  return figures;
}
