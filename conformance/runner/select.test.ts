import { expect, test } from "vitest";
import type { CaseDefinition, Phase } from "../../src/core/case.ts";
import { requirementId } from "../../src/core/ids.ts";
import type { Requirement } from "../../src/core/requirement.ts";
import { capabilitiesOf, fits, selectCases, type Selection } from "./select.ts";

const [CONV, HB, CAP] = ["PLAY-CONV-04", "PLAY-HB-06", "PLAY-CAP-02"].map(requirementId) as [
  Requirement["id"],
  Requirement["id"],
  Requirement["id"],
];

function requirement(id: Requirement["id"], needs?: readonly string[]): Requirement {
  return {
    id,
    level: "MUST",
    category: "convergence",
    part: "server",
    reach: "wire",
    basis: "stated",
    statement: "",
    check: "",
    source: "",
    ...(needs === undefined ? {} : { needs }),
  };
}

function definition(name: string, ids: CaseDefinition["ids"], needs?: readonly string[], phase: Phase = "shared"): CaseDefinition {
  return { name, title: name, ids, phase, run: () => Promise.resolve(), ...(needs === undefined ? {} : { needs }) };
}

const requirements = [requirement(CONV), requirement(HB), requirement(CAP, ["secondUrl"])];
const cases = [
  definition("delivery/all", [CONV]),
  definition("heartbeat/list", [HB], ["roomList"]),
  definition("heartbeat/join", [HB]),
  definition("capacity/two", [CAP, CONV]),
];
const on = { secondUrl: true, roomList: true };

function chosen(only: readonly string[], capabilities: Readonly<Record<string, boolean>> = on): Selection | undefined {
  return selectCases({ cases, requirements, capabilities, only });
}
const names = (selection: Selection | undefined): readonly string[] | undefined => selection?.cases.map((each) => each.name);

test("without a pattern every case runs for every requirement", () => {
  expect(names(chosen([]))).toEqual(cases.map((each) => each.name));
  expect(chosen([])?.ids.size).toBe(3);
});

test("an id chooses the cases that judge it, and judges nothing else", () => {
  expect(names(chosen(["PLAY-CONV-04"]))).toEqual(["delivery/all", "capacity/two"]);
  expect([...(chosen(["PLAY-CONV-04"])?.ids ?? [])]).toEqual([CONV]);
});

test("a case name or a part of it chooses cases, and judges all of their ids", () => {
  expect(names(chosen(["heartbeat/"]))).toEqual(["heartbeat/list", "heartbeat/join"]);
  expect([...(chosen(["capacity/two"])?.ids ?? [])]).toEqual([CAP, CONV]);
});

test("several patterns add up, and one that fits nothing makes the whole wrong", () => {
  expect(names(chosen(["delivery/*", "PLAY-HB-*"]))).toEqual(["delivery/all", "heartbeat/list", "heartbeat/join"]);
  expect(chosen(["delivery/*", "PLAY-NOPE-*"])).toBeUndefined();
});

test("a capability that is off skips the requirement that needs it, but not what else its case judges", () => {
  const selection = chosen([], { ...on, secondUrl: false });
  expect(names(selection)).toContain("capacity/two");
  expect(selection?.gated.get(CAP)).toBe("capability secondUrl is off");
  expect(selection?.planned.has(CAP)).toBe(false);
  expect(selection?.planned.has(CONV)).toBe(true);
});

test("a case held back leaves its requirement to the others, and skips it when there is none", () => {
  const part = chosen([], { ...on, roomList: false });
  expect(names(part)).not.toContain("heartbeat/list");
  expect(part?.gated.has(HB)).toBe(false);
  expect(chosen(["heartbeat/list"], { ...on, roomList: false })?.gated.get(HB)).toBe("capability roomList is off");
});

test("a case that is barred is held back with the reason", () => {
  const selection = selectCases({
    cases,
    requirements,
    capabilities: on,
    only: [],
    barred: (each) => (each.ids.includes(HB) ? "it floods" : undefined),
  });
  expect(selection?.gated.get(HB)).toBe("it floods");
});

test("a star stands for anything, and everything else in a pattern for itself", () => {
  expect(fits("PLAY-*-04", "PLAY-CONV-04")).toBe(true);
  expect(fits("play-conv", "PLAY-CONV-04")).toBe(true);
  expect(fits("PLAY.CONV*", "PLAY-CONV-04")).toBe(false);
  expect(fits("(*", "PLAY-CONV-04")).toBe(false);
});

test("capabilities are what the target declares, else the binding's default", () => {
  const manifest = { capabilities: { host: { default: true, meaning: "" }, metrics: { default: false, meaning: "" } } };
  expect(capabilitiesOf(manifest, { capabilities: {} })).toEqual({ host: true, metrics: false });
  expect(capabilitiesOf(manifest, { capabilities: { host: false, metrics: true } })).toEqual({ host: false, metrics: true });
});
