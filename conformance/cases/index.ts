import type { Binding } from "../../src/core/binding.ts";
import type { CaseDefinition } from "../../src/core/case.ts";
import { delivery } from "./delivery.ts";
import { departure } from "./departure.ts";
import { isolation } from "./isolation.ts";
import { authorOrder, order } from "./order.ts";
import { refusal } from "./refusal.ts";
import { robustness } from "./robustness.ts";
import { lateJoin, quiescence } from "./state.ts";
import { type AreaCase, forBinding } from "./support.ts";
import { unknownRoom } from "./unknown-room.ts";

const AREA_CASES: readonly AreaCase[] = [
  delivery,
  order,
  authorOrder,
  isolation,
  lateJoin,
  quiescence,
  departure,
  refusal,
  robustness,
  unknownRoom,
];

/** The cases that hold for every binding, as far as the binding's manifest names a requirement for their area. */
export function generalCases(binding: Binding): readonly CaseDefinition[] {
  return AREA_CASES.flatMap((each) => forBinding(each, binding));
}
