import { expect, test } from "vitest";
import { markOf, spread } from "../../src/timeline/marks";

test("marks at the same step stand side by side, the others where they happened", () => {
  expect(spread([100, 100, 300], 500, 18)).toEqual([100, 118, 300]);
});

test("at the end they make room to the left", () => {
  expect(spread([480, 500, 500], 500, 18)).toEqual([464, 482, 500]);
});

test("however many there are, none lies over another and all are within", () => {
  const found = spread(Array.from({ length: 40 }, () => 250), 500, 18);
  expect(found[0]).toBeGreaterThanOrEqual(-1e-9);
  expect(found.at(-1)).toBeLessThanOrEqual(500);
  expect(Math.min(...found.slice(1).map((each, at) => each - (found[at] ?? 0)))).toBeCloseTo(500 / 39);
  expect(spread([], 500, 18)).toEqual([]);
});

test("each kind has a shape of its own, and an unknown one has one, too", () => {
  const kinds = ["start", "note", "learning_rate", "best_loss", "best_accuracy", "nonfinite", "broken", "finding", "end", "dead_units"];
  expect(new Set(kinds.map((kind) => markOf(kind).shape)).size).toBe(kinds.length);
});
