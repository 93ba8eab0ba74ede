import { expect, test } from "vitest";
import type { Trend, TrendWarning } from "../../src/messages";
import { marksOf, parted, said, spark, SPARK, told } from "../../src/path/trend";

const trend = (steps: number[], values: number[], column = "update_ratio"): Trend => ({
  name: "a.weight", kind: "update", column, warning: null,
  steps: { data: Int32Array.from(steps), shape: [steps.length] }, values: { data: Float64Array.from(values), shape: [values.length] },
});
const points = (path: string): number[][] => [...path.matchAll(/[ML]([\d.]+),([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);

test("a small line falls by the same for each power of ten, over the steps as they lie", () => {
  expect(points(spark(trend([0, 10, 40], [0.1, 0.01, 0.001])))).toEqual([[1, 1], [11.5, SPARK.height / 2], [SPARK.width - 1, SPARK.height - 1]]);
});

test("what has no logarithm is left out, and what stays the same is level", () => {
  expect(points(spark(trend([0, 1, 2], [0, 0.5, NaN])))).toEqual([[SPARK.width / 2, SPARK.height / 2]]);
  expect(new Set(points(spark(trend([0, 1, 2], [0.5, 0.5, 0.5]))).map(([, y]) => y)).size).toBe(1);
  expect(spark(trend([], []))).toBe("");
});

test("it is told which number it shows", () => {
  expect(told(trend([0, 1500], [0.01, 0.0025]))).toBe("update ratio, rms of the update to rms of the weights: 0.010 → 0.0025, step 0 to 1,500, log scale");
  expect(told(trend([], [], "rms"))).toBe("no statistics were recorded");
});

const warning = (line: string, severity: TrendWarning["severity"]): TrendWarning => ({ line, severity });

test("a module carries the worst of what is in it", () => {
  const marks = marksOf(new Map([
    ["b.0.w", warning("gradient exactly 0", "mild")],
    ["b.1.w", warning("not finite since step 3", "severe")],
    ["b.1.v", warning("did not move", "mild")],
  ]));
  expect(marks.get("b")).toEqual({ line: "b.1.w: not finite since step 3", severity: "severe", count: 3 });
  expect(marks.get("b.0")).toEqual({ line: "b.0.w: gradient exactly 0", severity: "mild", count: 1 });
  expect(marks.get("b.1.v")).toEqual({ line: "did not move", severity: "mild", count: 1 });
  expect(said(marks.get("b")!)).toBe("b.1.w: not finite since step 3 · 3 parameters with warnings");
  expect(marksOf(new Map()).size).toBe(0);
});

test("parameters are asked for in the same parts everywhere", () => {
  const names = Array.from({ length: 130 }, (_, each) => String(each));
  expect(parted(names).map((part) => [part[0], part.length])).toEqual([["0", 64], ["64", 64], ["128", 2]]);
  expect(parted(names).flat()).toEqual(names);
  expect(parted([])).toEqual([]);
});
