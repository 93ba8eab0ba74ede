import { expect, test } from "vitest";
import { grey, rgbOf, signed } from "../../src/strips/colours";
import { COLOURS } from "./colours";

test("zero is neutral and the most is the sign's own colour", () => {
  expect(signed(0, 2, COLOURS)).toEqual(COLOURS.neutral);
  expect(signed(2, 2, COLOURS)).toEqual(COLOURS.positive);
  expect(signed(-2, 2, COLOURS)).toEqual(COLOURS.negative);
});

test("half as strong lies half way, and beyond the most it stays", () => {
  expect(signed(1, 2, COLOURS)).toEqual([120, 120, 220]);
  expect(signed(-9, 2, COLOURS)).toEqual(COLOURS.negative);
});

test("a layer of zeros and numbers that are none are neutral, infinities are strong", () => {
  expect(signed(0, 0, COLOURS)).toEqual(COLOURS.neutral);
  expect(signed(NaN, 1, COLOURS)).toEqual(COLOURS.neutral);
  expect(signed(-Infinity, 1, COLOURS)).toEqual(COLOURS.negative);
});

test("a map goes from the panel to ink", () => {
  expect(grey(-1, -1, 3, COLOURS)).toEqual(COLOURS.panel);
  expect(grey(3, -1, 3, COLOURS)).toEqual(COLOURS.ink);
  expect(grey(5, 5, 5, COLOURS)).toEqual(COLOURS.panel);
});

test("a computed colour is read", () => {
  expect(rgbOf("rgb(31, 100, 200)")).toEqual([31, 100, 200]);
  expect(rgbOf("")).toEqual([0, 0, 0]);
});
