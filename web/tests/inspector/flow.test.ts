import { expect, test } from "vitest";
import { flowOf, heightOf } from "../../src/inspector/layer/flow";

test("a column for each layer where there is room", () => {
  const flow = flowOf([0.5, 0, NaN, 0.003], 100);
  expect([...flow.most]).toEqual([0.5, NaN, NaN, 0.003]);
  expect([...flow.isZero]).toEqual([0, 1, 0, 0]);
  expect([flow.low, flow.high]).toEqual([0.001, 1]);
});

test("neighbours share a column where there are many, and none of them is lost", () => {
  const flow = flowOf([8, 2, 1e-9, 4, 5, 6], 3);
  expect([...flow.least]).toEqual([2, 1e-9, 5]);
  expect([...flow.most]).toEqual([8, 4, 6]);
});

test("heights are on a log scale", () => {
  const flow = flowOf([1e-4, 1], 2);
  expect(heightOf(1e-4, flow)).toBe(0);
  expect(heightOf(0.01, flow)).toBeCloseTo(0.5);
  expect(heightOf(1, flow)).toBe(1);
});
