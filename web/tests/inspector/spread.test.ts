import { expect, test } from "vitest";
import { bandsOf, edges } from "../../src/inspector/layer/spread";
import type { Spread } from "../../src/messages";

const spread = (steps: number[], bins: number[], counts: number[]): Spread => ({
  steps: { data: Int32Array.from(steps), shape: [steps.length] },
  bins: { data: Int32Array.from(bins), shape: [bins.length] },
  counts: { data: Int32Array.from(counts), shape: [steps.length, bins.length] },
});

test("bands are a sign and a power of two, from the largest to the most negative", () => {
  const found = bandsOf(spread([0, 5], [-127, 0, 126, 127], [1, 2, 3, 4, 0, 0, 5, 5]));
  expect(found?.bands.map(({ name, side }) => `${side} ${name}`)).toEqual([
    "1 +0.500 to +1", "1 +0.250 to +0.500", "0 smaller than 0.250, or 0", "-1 −0.500 to −0.250", "-1 −1 to −0.500",
  ]);
  expect(found?.bands.map(({ counts }) => [...counts])).toEqual([[4, 5], [3, 5], [2, 0], [0, 0], [1, 0]]);
  expect([...(found?.totals ?? [])]).toEqual([10, 10]);
  expect(found?.reach).toBe(1);
});

test("what is far smaller than the largest is together around zero, and nothing is lost", () => {
  const found = bandsOf(spread([0], [-100, 0, 90, 128], [7, 1, 2, 5]));
  expect(found?.bands.length).toBe(2 * 12 + 1);
  expect(found?.bands.find(({ side }) => side === 0)?.counts[0]).toBe(10);
  expect(found?.bands.reduce((sum, { counts }) => sum + (counts[0] ?? 0), 0)).toBe(found?.totals[0]);
});

test("where nothing was recorded there are no bands", () => {
  expect(bandsOf(spread([], [], []))).toBeNull();
  expect(bandsOf(spread([0], [0], [4]))).toBeNull();
});

test("columns meet in the middle between their steps", () => {
  expect(edges([0, 2, 10])).toEqual([0, 1, 6, 10]);
});
