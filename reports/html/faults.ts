import type { FaultsResult } from "../../src/core/result.ts";
import { faultWords, lossSentence } from "../faults.ts";
import { oneLine } from "../text.ts";
import { markup, type Markup } from "./markup.ts";

/** Faults as the page's script draws them behind every chart over time; seconds from the start of the load. */
export interface ChartFault {
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/** The bands of a run's charts, in the order of their begin. */
export function chartFaults({ faults }: FaultsResult): readonly ChartFault[] {
  return faults.map(({ beginMs, endMs, what, whom }) => ({ from: beginMs / 1000, to: endMs / 1000, what: oneLine(`${what}, ${whom}`) }));
}

/** The faults of a run with what came of them; their numbers stand on the charts. */
export function faultsTable(result: FaultsResult): Markup {
  const heads = ["#", "Fault", "Whom", "At", "Lasted", "Noticed by", "Detected after", "Recovered after"];
  const rows = result.faults.map((fault, index) => {
    const { number, what, whom, at, lasted, noticed, detected, recovered, isBad } = faultWords(fault, index);
    return markup`<tr class="${isBad ? "fail" : ""}"><td>${number}</td><th scope="row">${what}</th><td>${whom}</td><td>${at}</td><td>${lasted}</td><td>${noticed}</td><td>${detected}</td><td>${recovered}</td></tr>`;
  });
  return markup`<h3 id="faults-title">Faults <small>${result.plan}</small></h3>
<p>${lossSentence(result)}</p>
<div class="scroll"><table class="faults" aria-labelledby="faults-title"><thead><tr>${heads.map((head) => markup`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>
<p class="small">Detected: from a fault's begin to the first client that noticed. Recovered: from its end until all who had been in their rooms were back and held everything written before it.</p>`;
}
