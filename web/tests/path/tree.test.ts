import { expect, test } from "vitest";
import type { Overview } from "../../src/messages";
import { layersOf } from "../../src/model/layers";
import { around, led, lineOf, linesOf, seen } from "../../src/path/tree";

const shapes: Readonly<Record<string, readonly number[]>> = {
  "embedding.weight": [9, 4], "blocks.0.norm.weight": [4], "blocks.0.norm.bias": [4],
  "blocks.0.attn.in_proj_weight": [12, 4], "blocks.0.attn.in_proj_bias": [12], "blocks.0.scale": [], "blocks.1.shift": [4], "head.weight": [9, 4],
};
const overview = {
  parameters: Object.entries(shapes).map(([name, shape]) => ({ name, shape, dtype: "float32", trainable: true })),
  modules: [{ name: "blocks.0.norm", kind: "LayerNorm" }],
} as unknown as Overview;
const layers = layersOf(overview);
const lines = linesOf(overview, layers);
const paths = (found: readonly { path: string }[]) => found.map(({ path }) => path);

test("every parameter belongs to a layer that can be chosen", () => {
  expect(layers.map(({ name, bias }) => [name, bias?.name ?? null])).toEqual([
    ["embedding", null], ["blocks.0.norm", "blocks.0.norm.bias"], ["blocks.0.attn.in_proj_weight", "blocks.0.attn.in_proj_bias"],
    ["blocks.0.scale", null], ["blocks.1.shift", null], ["head", null],
  ]);
  expect(layers.map(({ units, fanIn }) => [units, fanIn])).toEqual([[9, 4], [4, 1], [12, 4], [1, 1], [4, 1], [9, 4]]);
  for (const { path, opens, layer } of lines) if (!opens) expect(layer, path).not.toBeNull();
});

test("a bias of another length is none of these units", () => {
  const odd = { ...overview, parameters: [{ name: "up.weight", shape: [4, 2] }, { name: "up.bias", shape: [2] }] } as unknown as Overview;
  expect(layersOf(odd).map(({ name, bias }) => [name, bias])).toEqual([["up", null], ["up.bias", null]]);
});

test("a layer's own line shows the trend of its weight, and knows its place among its siblings", () => {
  const line = lines.find(({ path }) => path === "blocks.0.norm");
  expect(line).toMatchObject({ layer: "blocks.0.norm", parameter: "blocks.0.norm.weight", note: "LayerNorm", opens: true, place: 1, siblings: 3 });
  expect(lines.find(({ path }) => path === "blocks")).toMatchObject({ layer: null, parameter: null, place: 2, siblings: 3 });
  expect(lines.find(({ path }) => path === "blocks.0.scale")).toMatchObject({ note: "1", parameter: "blocks.0.scale" });
});

test("the line of a layer is its module's, or its parameter's", () => {
  expect(layers.map((each) => lineOf(each, lines))).toEqual(["embedding", "blocks.0.norm", "blocks.0.attn.in_proj_weight", "blocks.0.scale", "blocks.1.shift", "head"]);
  const bare = { modules: [], parameters: [{ name: "weight", shape: [2, 3] }] } as unknown as Overview;
  const [only] = layersOf(bare);
  expect(only && lineOf(only, linesOf(bare, layersOf(bare)))).toBe("weight");
});

test("keys lead as in every tree", () => {
  const closed = new Set(["blocks.0"]);
  const shown = seen(lines, closed, "");
  expect(paths(shown)).toEqual(["embedding", "embedding.weight", "blocks", "blocks.0", "blocks.1", "blocks.1.shift", "head", "head.weight"]);
  const press = (key: string, path: string) => {
    const to = led(key, paths(shown).indexOf(path), shown, (each) => !closed.has(each), 3);
    return typeof to === "number" ? shown[to]?.path : to;
  };
  expect(press("ArrowDown", "blocks.0")).toBe("blocks.1");
  expect(press("ArrowUp", "embedding")).toBe("embedding");
  expect(press("ArrowRight", "blocks.0")).toBe("toggle");
  expect(press("ArrowRight", "blocks")).toBe("blocks.0");
  expect(press("ArrowRight", "head.weight")).toBe("head.weight");
  expect(press("ArrowLeft", "blocks.0")).toBe("blocks");
  expect(press("ArrowLeft", "blocks.1.shift")).toBe("blocks.1");
  expect(press("ArrowLeft", "blocks")).toBe("toggle");
  expect(press("Home", "head")).toBe("embedding");
  expect(press("End", "embedding")).toBe("head.weight");
  expect(press("PageDown", "embedding")).toBe("blocks.0");
  expect(press("PageUp", "head.weight")).toBe("blocks.1");
  expect(press("x", "head")).toBeNull();
});

test("a path lies in all modules around it", () => {
  expect(around("blocks.0.scale")).toEqual(["blocks", "blocks.0", "blocks.0.scale"]);
});
