import { expect, test } from "vitest";
import { extremes, heldOut, valueAt } from "../../src/timeline/series";

const numbers = (data: number[]) => ({ data: Float64Array.from(data), shape: [data.length] });
const steps = (data: number[]) => ({ data: Int32Array.from(data), shape: [data.length] });

test("the last value at or before a step", () => {
  const series = { steps: [2, 4, 8], values: [1, 2, 3] };
  expect([1, 2, 3, 4, 100].map((step) => valueAt(series, step))).toEqual([null, 1, 1, 2, 3]);
  expect(valueAt(null, 3)).toBeNull();
});

test("a million points keep every spike", () => {
  const values = new Float64Array(1_000_000).fill(1);
  values[123_456] = 50;
  values[654_321] = -7;
  const all = { steps: Int32Array.from(values, (_, place) => place), values };
  const { low, high } = extremes(all, 999_999, 1000);
  expect(Math.max(...high)).toBe(50);
  expect(high.findIndex((each) => each === 50)).toBe(Math.floor((123_456 / 999_999) * 999));
  expect(Math.min(...low)).toBe(-7);
  expect(low.every(Number.isFinite)).toBe(true);
});

test("columns without points are empty, and what is no number is left out", () => {
  const { low, high } = extremes({ steps: [0, 10, 10], values: [1, NaN, 3] }, 10, 11);
  expect([low[0], high[0], low[10], high[10]]).toEqual([1, 1, 3, 3]);
  expect(low[5]).toBeNaN();
});

test("held-out data is the validation part, else the test part", () => {
  const test_loss = { name: "test_loss", steps: steps([9]), values: numbers([4]) };
  const val_loss = { name: "val_loss", steps: steps([1]), values: numbers([5]) };
  expect(heldOut({ series: [test_loss, val_loss] }, "loss")?.values[0]).toBe(5);
  expect(heldOut({ series: [test_loss] }, "loss")?.values[0]).toBe(4);
  expect(heldOut(null, "loss")).toBeNull();
});
