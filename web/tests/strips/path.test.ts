import { expect, test } from "vitest";
import type { Overview } from "../../src/messages";
import { layersOf } from "../../src/model/layers";
import { columnOf, middleOf } from "../../src/path/layout";
import { linksFrom, linksInto, strongest } from "../../src/path/links";
import { shares } from "../../src/path/shares";
import { linesOf, seen } from "../../src/path/tree";

test("links of a kernel are its sum, with the sign of the largest", () => {
  expect(linksInto(1, 2, 4, [0, 0, 0, 0, 1, 2, -5, 6.5])).toEqual([
    { from: 0, to: 1, weight: 3 },
    { from: 1, to: 1, weight: 1.5 },
  ]);
  expect(linksFrom(1, 2, 2, 2, [1, 2, 3, -4])).toEqual([
    { from: 1, to: 0, weight: 2 },
    { from: 1, to: 1, weight: -4 },
  ]);
  expect(linksInto(0, 3, 4, [1, 2, 3, 4])).toEqual([]);
});

test("only the strongest are drawn", () => {
  const links = [1, -3, 0, 2].map((weight, from) => ({ from, to: 0, weight }));
  expect(strongest(links, 2).map(({ weight }) => weight)).toEqual([-3, 2]);
});

test("a column shows what has room, and the chosen unit always", () => {
  const column = columnOf(0, 20, 200, 128, 100);
  expect(column.units.length + column.more).toBe(128);
  expect(column.units.at(-1)).toBe(100);
  expect(column.top + Math.ceil(column.units.length / column.across) * column.pitch).toBeLessThanOrEqual(200);
  expect(middleOf(100, column)).not.toBeNull();
  expect(middleOf(120, column)).toBeNull();
  expect(columnOf(0, 30, 400, 10, null)).toMatchObject({ more: 0, side: 30, across: 1 });
  expect(columnOf(0, 60, 400, 64, null)).toMatchObject({ more: 0, across: 3 });
});

test("shares add up to one, whatever the size", () => {
  expect(shares([1000, 1000])).toEqual([0.5, 0.5]);
});

const names = ["block.0.attention.weight", "block.0.attention.bias", "block.1.attention.weight", "head.weight"];
const overview = {
  parameters: names.map((name) => ({ name, shape: name.endsWith("bias") ? [4] : [4, 3], dtype: "float32", trainable: true })),
  modules: [{ name: "block.0.attention", kind: "Linear" }],
} as unknown as Overview;

test("the tree has modules by their dotted names, and parameters with shape and layer", () => {
  const lines = linesOf(overview, layersOf(overview));
  expect(lines.map(({ depth, name }) => `${depth} ${name}`).slice(0, 5)).toEqual(["0 block", "1 0", "2 attention", "3 weight", "3 bias"]);
  expect(lines[2]).toMatchObject({ note: "Linear", opens: true });
  expect(lines[4]).toMatchObject({ note: "4", layer: "block.0.attention", opens: false });
});

test("closed modules hide what is in them, and a search opens them", () => {
  const lines = linesOf(overview, layersOf(overview));
  expect(seen(lines, new Set(["block"]), "").map(({ path }) => path)).toEqual(["block", "head", "head.weight"]);
  expect(seen(lines, new Set(["block"]), "1.att").map(({ path }) => path)).toEqual(["block", "block.1", "block.1.attention", "block.1.attention.weight"]);
});
