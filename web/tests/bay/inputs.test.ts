import { describe, expect, it } from "vitest";
import { exampleOf, kindOf, ranges, softmax, stroked } from "../../src/bay/inputs";

const examples = { inputs: { data: new Float32Array([0, 1, 2, -3, 4, 5]), shape: [2, 3] }, targets: { data: new Float64Array([0, 1]), shape: [2] } };
const facts = { part: "test", examples: 2, class_names: [], target_names: [] };

describe("inputs", () => {
  it("knows what can be drawn and what can be slid", () => {
    expect(kindOf({ ...facts, input_shape: [1, 8, 8], input_names: [] })).toBe("picture");
    expect(kindOf({ ...facts, input_shape: [4], input_names: ["a", "b", "c", "d"] })).toBe("table");
    expect(kindOf({ ...facts, input_shape: [5, 7], input_names: [] })).toBe("examples");
  });

  it("takes an example out of all", () => {
    expect([...(exampleOf(examples, 1) ?? [])]).toEqual([-3, 4, 5]);
    expect(exampleOf(examples, 2)).toBeNull();
  });

  it("finds the range of all places, or of each", () => {
    expect(ranges(examples, false)).toEqual([{ low: -3, high: 5 }]);
    expect(ranges(examples, true)[1]).toEqual({ low: 1, high: 4 });
  });

  it("inks around a point and never takes ink away", () => {
    const blank = Array.from({ length: 64 }, () => -1);
    const inked = stroked(blank, 8, { x: 3.5, y: 4.5 }, { low: -1, high: 2 });
    expect(inked[4 * 8 + 3]).toBe(2);
    expect(inked[0]).toBe(-1);
    const again = stroked(inked, 8, { x: 0.5, y: 0.5 }, { low: -1, high: 2 });
    expect(again.every((each, place) => each >= (inked[place] ?? 0))).toBe(true);
  });

  it("gives shares that add up to one, for large logits, too", () => {
    const shares = softmax([1000, 999]);
    expect(shares.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1);
    expect(shares[0]).toBeCloseTo(1 / (1 + Math.exp(-1)));
  });
});
