import { expect, test } from "vitest";
import { across, along, lossPixels, mapOf, nearest, signPixels } from "../../src/lessons/maps";
import { COLOURS } from "../strips/colours";

test("y grows upwards, blue is above zero and orange below", () => {
  const { data } = signPixels([1, 0, -1, 0], 2, 2, 1, COLOURS);
  expect([...data.slice(0, 4)]).toEqual([200, 100, 0, 255]); // the second row of values is on top
  expect([...data.slice(8, 12)]).toEqual([0, 0, 200, 255]);
});

test("the first weight goes to the right, and a higher loss is darker", () => {
  const { data, width, height } = lossPixels([1, 2, 3, 4, 5, NaN], 2, 3, COLOURS);
  expect([width, height]).toEqual([2, 3]);
  const at = (x: number, y: number): number => data[4 * (2 * (2 - y) + x)] ?? -1;
  expect(at(0, 0)).toBe(255);
  expect(at(1, 0)).toBeLessThan(at(0, 2));
  expect(at(1, 2)).toBe(at(1, 1)); // no number is as dark as the highest
});

test("one map is taken out of those of all outputs", () => {
  expect([...mapOf([1, 2, 3, 4], 2, 1)]).toEqual([2, 4]);
});

test("places are those of the middles of cells, and lead back to their values", () => {
  const axis = [-1, 0, 1];
  expect(across(-1, axis, 90)).toBe(15);
  expect(across(1, axis, 90)).toBe(75);
  expect(across(50, axis, 90)).toBe(90);
  expect(along(across(0.3, axis, 90), axis, 90)).toBeCloseTo(0.3);
  expect([nearest(0.4, axis), nearest(-9, axis), nearest(9, axis)]).toEqual([1, 0, 2]);
});
