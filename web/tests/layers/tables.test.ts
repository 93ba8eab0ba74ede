import { expect, test } from "vitest";
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
