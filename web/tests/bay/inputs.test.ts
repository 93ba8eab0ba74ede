import { describe, expect, it } from "vitest";
import { columnsShown, rangeOf, repeatedAtEnd, stroked } from "../../src/bay/inputs";
import { exampleAt, together } from "../../src/model/examples";
import { lastOf, shares, winner } from "../../src/path/shares";

const examples = {
  inputs: { data: new Float32Array([0, 1, 2, -3, 4, 5]), shape: [2, 3] },
  targets: { data: new Float64Array([7, 8]), shape: [2] },
  total: 900,
};
const facts = { part: "test", examples: 2, class_names: [], target_names: [], input_names: [], vocabulary: null };

describe("inputs", () => {
  it.each([
    ["good film", 1],
    ["so so bad bad bad", 1],
    ["bad - - - -", 4],
    ["- - - - -", 5],
    ["", 1],
  ])("counts what fills up %j", (text, repeated) => {
    expect(repeatedAtEnd(text ? text.split(" ") : [])).toBe(repeated);
  });

  it("takes an example out of those fetched together", () => {
    const found = exampleAt(examples, 1, 257);
    expect([found?.number, [...(found?.inputs ?? [])], [...(found?.targets ?? [])]]).toEqual([257, [-3, 4, 5], [8]]);
    expect(exampleAt(examples, 2, 258)).toBeNull();
    expect(exampleAt({ ...examples, targets: { data: new Float64Array(), shape: [0] } }, 1, 1)?.targets).toHaveLength(0);
  });

  it("fetches fewer of large examples", () => {
    expect(together({ ...facts, input_shape: [64] })).toBe(256);
    expect(together({ ...facts, input_shape: [3, 64, 64] })).toBe(21);
    expect(together({ ...facts, input_shape: [3, 1024, 1024] })).toBe(1);
  });

  it("finds the range of all places", () => {
    expect(rangeOf(examples)).toEqual({ low: -3, high: 5 });
  });

  it("finds columns by their names", () => {
    const names = Array.from({ length: 500 }, (_, place) => `Gene ${place}`);
    expect(columnsShown(names, "")).toHaveLength(40);
    expect(columnsShown(names, "gene 49")).toEqual([49, 490, 491, 492, 493, 494, 495, 496, 497, 498, 499]);
    expect(columnsShown(names, "none")).toEqual([]);
  });

  it("inks around a point and never takes ink away", () => {
    const blank = Array.from({ length: 64 }, () => -1);
    const inked = stroked(blank, 8, { x: 3.5, y: 4.5 }, { low: -1, high: 2 });
    expect(inked[4 * 8 + 3]).toBe(2);
    expect(inked[0]).toBe(-1);
    const again = stroked(inked, 8, { x: 0.5, y: 0.5 }, { low: -1, high: 2 });
    expect(again.every((each, place) => each >= (inked[place] ?? 0))).toBe(true);
  });
});

describe("shares", () => {
  it("add up to one and keep their order, for large logits, too", () => {
    const found = shares([1000, 1001, 999]);
    expect(found.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 12);
    expect(found[1]).toBeCloseTo(Math.E / (1 + Math.E + 1 / Math.E), 12);
    expect(winner(found)).toBe(1);
    expect(shares([])).toEqual([]);
  });

  it.each([[NaN, 1, 2], [Infinity, 0, 1], [-Infinity, -Infinity]])("call nothing certain of %d, %d", (...outputs) => {
    expect(shares(outputs).every((each) => each === 0)).toBe(true);
    expect(winner(shares(outputs))).toBe(-1);
  });

  it("are of the last position where there is one for each token", () => {
    const outputs = { data: new Float32Array([1, 2, 3, 4, 5, 6]), shape: [2, 3] };
    expect([...lastOf(outputs, { ...facts, input_shape: [2], vocabulary: 3 })]).toEqual([4, 5, 6]);
    expect(lastOf(outputs, { ...facts, input_shape: [2] })).toHaveLength(6);
    expect(lastOf(outputs, null)).toHaveLength(6);
  });
});
