import { expect, test } from "vitest";
import { cellOf, formings, likenesses, specificity } from "../../src/layers/charts";
import { feedersOf } from "../../src/layers/feeders";
import { scoresOf } from "../../src/layers/scores";
import type { ReadingColumn, ReadingTable } from "../../src/messages";

const words = (name: string, values: string[]): ReadingColumn => ({ name, bar: false, words: values, numbers: { data: new Float64Array(), shape: [0] } });
const numbers = (name: string, values: number[]): ReadingColumn => ({ name, bar: false, words: null, numbers: { data: Float64Array.from(values), shape: [values.length] } });
const table = (...columns: ReadingColumn[]): ReadingTable => ({ title: "", note: "", columns, rows: 3 });

test("the rows of a layer are its scores, beside chance", () => {
  const probes = table(
    words("layer", ["conv1", "conv2", "conv2"]), words("property", ["task", "task", "stroke"]),
    numbers("accuracy", [0.5, 0.9, 0.4]), numbers("accuracy from", [0.4, 0.8, 0.3]), numbers("accuracy to", [0.6, 1, 0.5]), numbers("chance", [0.1, 0.1, 0.33]),
  );
  expect(scoresOf(probes, "conv2")).toEqual([
    { name: "task", value: 0.9, from: 0.8, to: 1, chance: 0.1 },
    { name: "stroke", value: 0.4, from: 0.3, to: 0.5, chance: 0.33 },
  ]);
  expect(scoresOf(probes, "output")).toEqual([]);
});

test("feeders are units of layers: inputs and mixtures are none", () => {
  const feeders = table(words("feeder", ["block.conv1 30", "input 2", "conv1 1 + conv2 1"]), numbers("mean", [-0.5, 0.2, 0.1]));
  expect(feedersOf(feeders)).toEqual([{ layer: "block.conv1", unit: 30, mean: -0.5 }]);
});

test("a layer lies between generic and specific, with its interval", () => {
  const found = table(
    words("layer", ["conv1", "output"]), numbers("generic–specific", [0.2, 0.9]), numbers("generic–specific from", [0.1, 0.8]), numbers("generic–specific to", [0.3, 1]),
  );
  expect(specificity(found)).toEqual([{ layer: "conv1", value: 0.2, from: 0.1, to: 0.3 }, { layer: "output", value: 0.9, from: 0.8, to: 1 }]);
});

test("there is a matrix for each network that the layers are compared with", () => {
  const found = table(
    words("layer", ["a", "a", "b", "b", "a"]), words("network", ["this network", "this network", "this network", "this network", "at step 0"]),
    words("other layer", ["a", "b", "a", "b", "a"]), numbers("SVCCA", [1, 0.5, 0.5, 1, 0.9]), numbers("chance", [0.1, 0.2, 0.2, 0.1, 0.1]),
  );
  const [own, first] = likenesses(found);
  expect(own?.layers).toEqual(["a", "b"]);
  expect(own?.cells.get(cellOf("a", "b"))).toEqual({ value: 0.5, chance: 0.2 });
  expect(first).toMatchObject({ network: "at step 0", layers: ["a"], others: ["a"] });
});

test("each score has a curve for each layer", () => {
  const found = table(
    words("layer", ["a", "a", "b"]), words("score", ["CKA", "CKA", "CKA"]), numbers("step", [0, 8, 0]),
    numbers("value", [0.1, 1, 0.3]), numbers("from", [0, 0.9, 0.2]), numbers("to", [0.2, 1, 0.4]),
  );
  expect(formings(found).get("CKA")).toEqual([
    { layer: "a", steps: [0, 8], values: [0.1, 1], from: [0, 0.9], to: [0.2, 1] },
    { layer: "b", steps: [0], values: [0.3], from: [0.2], to: [0.4] },
  ]);
});
