import { describe, expect, it } from "vitest";
import { largest, waterfall } from "../../src/inspector/bars";
import { seen } from "../../src/inspector/tree";
import { histogram } from "../../src/inspector/layer/histogram";
import { nearest, path, scalesOf, tangent } from "../../src/inspector/curve";

const bar = (name: string, value: number) => ({ name, value });

describe("bars", () => {
  it("begin where the one before ended, a sum at zero", () => {
    const found = waterfall([bar("a", 2), bar("b", -3), { ...bar("sum", -1), sum: true }]);
    expect(found.map(({ from }) => from)).toEqual([0, 2, 0]);
  });
  it("keep the largest in their order, and sum the rest", () => {
    const found = largest([bar("a", 1), bar("b", -5), bar("c", 2), bar("d", 3)], 2);
    expect(found).toEqual([bar("b", -5), bar("d", 3), { name: "2 more", value: 3, rest: true }]);
  });
});

it("a tree shows what is open, with its level and its place", () => {
  const branch = (id: string) => ({ id, name: id, numbers: "", value: 1, opens: true });
  const rows = seen([branch("a"), branch("b")], (id) => (id === "a" ? [branch("a/0")] : undefined));
  expect(rows.map(({ branch, level, place, of, parent }) => [branch.id, level, place, of, parent])).toEqual([
    ["a", 1, 1, 2, null],
    ["a/0", 2, 1, 1, "a"],
    ["b", 1, 2, 2, null],
  ]);
});

it("a histogram has zero in the middle and leaves out what is no number", () => {
  const found = histogram([-1, 0, 0, 1, NaN], 3);
  expect([...(found?.counts ?? [])]).toEqual([1, 2, 1]);
  expect(found?.mean).toBe(0);
  expect(histogram([NaN])).toBeNull();
});

describe("a swept curve", () => {
  const swept = { values: [-1, 0, 1], losses: [3, 1, 2], errors: null, present: 0, loss: 1, slope: 0.5, lowest: null };
  it("passes through its points, with a gap where the loss is infinite", () => {
    const scales = scalesOf(swept, 100, 50);
    expect(path(swept, scales)).toMatch(/^M8.0,[\d.]+L50.0,[\d.]+L92.0,[\d.]+$/);
    expect(path({ ...swept, losses: [3, Infinity, 2] }, scales).match(/M/g)).toHaveLength(2);
  });
  it("has a tangent only where a slope is known", () => {
    const scales = scalesOf(swept, 100, 50);
    expect(tangent(swept, scales)).toMatch(/^M8.0/);
    expect(tangent({ ...swept, slope: null }, scales)).toBeNull();
  });
  it("finds the nearest value", () => expect(nearest(swept.values, 0.6)).toBe(2));
});
