import { expect, test } from "vitest";
import type { SubjectFacts } from "../../src/messages";
import { classesShown, colourPixels, kindOf, pictureIn, stroked } from "../../src/bay/inputs";

const facts = (input_shape: number[], input_names: string[] = [], vocabulary: number | null = null): SubjectFacts => ({
  part: "test", examples: 1, input_shape, input_names, class_names: [], target_names: [], vocabulary,
});

test("what an input is follows from its shape and names", () => {
  expect(kindOf(facts([1, 8, 8]))).toBe("picture");
  expect(kindOf(facts([3, 32, 32]))).toBe("picture");
  expect(pictureIn(facts([784]))).toEqual({ planes: 1, height: 28, width: 28 });
  expect(kindOf(facts([4], ["a", "b", "c", "d"]))).toBe("table");
  expect(kindOf(facts([4]))).toBe("table");
  expect(kindOf(facts([500]))).toBe("table");
  expect(kindOf(facts([16], [], 65))).toBe("tokens");
  expect(kindOf(facts([5, 8, 8]))).toBe("examples");
  expect(kindOf(facts([]))).toBe("examples");
});

test("a stroke darkens all along its way and never lightens", () => {
  const drawn = stroked(Array.from({ length: 100 }, () => -1), 10, { x: 0.5, y: 5.5 }, { low: -1, high: 2 }, { x: 9.5, y: 5.5 });
  expect(drawn.slice(50, 60)).toEqual(Array.from({ length: 10 }, () => 2));
  expect(drawn.slice(0, 10).every((each) => each === -1)).toBe(true);
  const again = stroked(drawn, 10, { x: 5, y: 0 }, { low: -1, high: 2 });
  expect(again.every((each, place) => each >= (drawn[place] ?? 0) && each <= 2)).toBe(true);
});

test("three planes become one colour a pixel", () => {
  expect([...colourPixels([0, 1, 0.5], { planes: 3, height: 1, width: 1 }, { low: 0, high: 1 }).data]).toEqual([0, 255, 128, 255]);
});

test("of very many classes the likeliest are shown, and always the target", () => {
  expect(classesShown([0.1, 0.9], 0)).toEqual([0, 1]);
  expect(classesShown([0.1, 0.2, 0.3, 0.4], null, 2)).toEqual([3, 2]);
  expect(classesShown([0.1, 0.2, 0.3, 0.4], 0, 2)).toEqual([3, 0]);
});
