import { describe, expect, it } from "vitest";
import { figuresOf } from "../../core/histogram.ts";
import { createFiguresHistogram, reportOf, thresholdsOf, vusOf } from "./summary.ts";

const count = (value: number): { values: Record<string, number> } => ({ values: { count: value } });

describe("k6's metrics", () => {
  const summary = {
    metrics: {
      rollcall_vus: count(2),
      rollcall_delivered: count(9),
      rollcall_expected: count(10),
      "rollcall_judged{property:delivery}": count(10),
      "rollcall_broken{property:delivery,reason:lost}": count(1),
      rollcall_delivery_ms: { values: { count: 9, "p(50)": 1.234, "p(90)": 2, "p(95)": 3, "p(99)": 4, "p(99.9)": 5, max: 6 } },
    },
  };

  it("are read as one report, with figures as they are", () => {
    const report = reportOf(summary, 20);
    expect(vusOf(summary)).toBe(2);
    expect(report.result.outcomes.find(({ property }) => property === "delivery")).toEqual({
      property: "delivery",
      judged: 10,
      broken: { lost: 1 },
      findings: [],
    });
    const histogram = createFiguresHistogram();
    histogram.merge(report.deliveryMs);
    expect(figuresOf(histogram)).toEqual({ count: 9, p50: 1.23, p90: 2, p95: 3, p99: 4, p999: 5, max: 6 });
  });

  it("are asked for by thresholds: each name that is read has one", () => {
    const thresholds = thresholdsOf({ deliveryMsP99: 500, reach: 1, violations: 0 }, ["delivery"], ["PLAY-CONV-04"], 2);
    expect(Object.keys(thresholds)).toEqual(
      expect.arrayContaining(["rollcall_judged{property:delivery}", "rollcall_broken{property:delivery,reason:lost}"]),
    );
    expect(thresholds["rollcall_broken{requirement:PLAY-CONV-04}"]).toEqual(["count==0"]);
    expect(thresholds["rollcall_delivery_ms"]).toEqual(["p(99)<=500"]);
    expect(thresholds["rollcall_lost"]).toEqual(["count==0"]);
  });
});
