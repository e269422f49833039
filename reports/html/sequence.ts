import type { WitnessStep } from "../../src/core/checker.ts";
import { relativeMs } from "../summary.ts";
import { cut, oneLine } from "../text.ts";
import { markup, type Markup } from "./markup.ts";

/** A taller picture is no longer looked at; the last steps are kept, since the breach is at the end. */
const STEPS_MAX = 40;
/** Lifelines that fit beside each other; further ones share the last. */
const LIFELINES_MAX = 8;

const GUTTER = 92;
const ACTOR = 116;
const LANE_MIN = 168;
const LANE_MAX = 300;
const CHARACTER = 7.3;
const HEAD = 44;
const ROW = 46;

/** The steps of a witness as a sequence diagram; nothing when there are none. */
export function sequence(steps: readonly WitnessStep[]): Markup | undefined {
  const first = steps[0];
  if (first === undefined) return undefined;
  const kept = steps.slice(-STEPS_MAX);
  const names = lifelines(kept);
  const at = (name: string): number => Math.max(0, names.indexOf(names.includes(name) ? name : "others"));
  const lane = Math.min(
    LANE_MAX,
    Math.max(
      LANE_MIN,
      ...kept.map((step) => Math.ceil(((oneLine(step.label).length + 3) * CHARACTER) / Math.max(1, Math.abs(at(step.from) - at(step.to))))),
    ),
  );
  const x = (index: number): number => GUTTER + ACTOR / 2 + lane * index;
  const isLoop = kept.some((step) => step.from === step.to);
  const width = x(names.length - 1) + (isLoop ? lane : ACTOR / 2) + 8;
  const height = HEAD + ROW * kept.length + 16;
  return markup`<figure class="${names.length > 6 ? "sequence wide" : "sequence"}"><div class="scroll" tabindex="0" role="region" aria-label="Sequence of messages">
<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${kept.length} messages between ${names.join(", ")}">
${names.map((name, index) => markup`<line class="life" x1="${x(index)}" x2="${x(index)}" y1="${HEAD - 8}" y2="${height}"/><rect class="${name === "server" ? "actor server" : "actor"}" x="${x(index) - ACTOR / 2}" y="4" width="${ACTOR}" height="28" rx="6"/><text class="name" x="${x(index)}" y="22.5">${cut(oneLine(name), 14)}</text>`)}
${kept.map((step, row) => arrow(step, relativeMs(step.atMs, first.atMs), at(step.from), at(step.to), HEAD + ROW * (row + 1) - 8, x, lane, width))}
</svg></div>${steps.length > kept.length ? markup`<figcaption>${steps.length - kept.length} earlier messages are in result.json.</figcaption>` : undefined}</figure>`;
}

/** Who only sends stands left of the server, who only receives right of it, so that arrows seldom cross lifelines. */
function lifelines(steps: readonly WitnessStep[]): readonly string[] {
  const all = [...new Set(steps.flatMap((step) => [step.from, step.to]))];
  const senders = new Set(steps.map((step) => step.from));
  const clients = all.filter((name) => name !== "server");
  const names = all.includes("server")
    ? [...clients.filter((name) => senders.has(name)), "server", ...clients.filter((name) => !senders.has(name))]
    : clients;
  return names.length <= LIFELINES_MAX ? names : [...new Set(["server", ...names.slice(0, LIFELINES_MAX - 2), "others"])];
}

function arrow(
  step: WitnessStep,
  time: string,
  from: number,
  to: number,
  y: number,
  x: (index: number) => number,
  lane: number,
  width: number,
): Markup {
  const isMissing = step.isBad === true && step.frame === undefined && /^(nothing|no\b|never|not |missing|silence)/i.test(step.label);
  const kind = `step${step.isBad === true ? " bad" : ""}${isMissing ? " missing" : ""}`;
  const start = x(from);
  const end = x(to);
  const spanCharacters = Math.max(4, Math.floor((lane * Math.max(1, Math.abs(from - to))) / CHARACTER) - 2);
  const label = cut(oneLine(step.label), spanCharacters);
  const band =
    step.isBad === true ? markup`<rect class="band" x="0" y="${y - 28}" width="${width}" height="${ROW - 6}" rx="6"/>` : undefined;
  const stamp = markup`<text class="time" x="${GUTTER - 10}" y="${y + 4}">${time} ms</text>`;
  const title = markup`<title>${oneLine(step.from)} to ${oneLine(step.to)}: ${oneLine(step.label)}</title>`;
  if (from === to) {
    return markup`<g class="${kind}">${title}${band}${stamp}<path d="M${start} ${y - 12}h26v18h-20"/><path class="tip" d="M${start + 2} ${y + 6}l8-4.5v9z"/><text class="label aside" x="${start + 34}" y="${y + 1}">${label}</text></g>`;
  }
  const side = end > start ? -1 : 1;
  const stop = end + side * (isMissing ? 16 : 2);
  const tip = isMissing
    ? markup`<path class="cross" d="M${stop - 5} ${y - 5}l10 10m0-10l-10 10"/>`
    : markup`<path class="tip" d="M${stop} ${y}l${side * 9}-4.5v9z"/>`;
  return markup`<g class="${kind}">${title}${band}${stamp}<line x1="${start}" x2="${stop + side * 8}" y1="${y}" y2="${y}"/>${tip}<text class="label" x="${(start + end) / 2}" y="${y - 9}">${label}</text></g>`;
}
