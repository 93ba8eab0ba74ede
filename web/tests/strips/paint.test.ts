import { expect, test } from "vitest";
import { mapPixels, weightPixels } from "../../src/strips/paint";
import { pictureOf } from "../../src/strips/picture";
import { COLOURS } from "./colours";

test("the weights of one unit out of a layer become pixels", () => {
  const { data, width, height } = weightPixels([9, 9, 9, 9, 1, 0, -1, 0], 4, pictureOf([2, 4], []), 1, COLOURS);
  expect([width, height]).toEqual([2, 2]);
  expect([...data]).toEqual([0, 0, 200, 255, 240, 240, 240, 255, 200, 100, 0, 255, 240, 240, 240, 255]);
});

test("what is between tiles stays transparent", () => {
  const { data, width } = weightPixels([1, 1, 1, 1], 0, pictureOf([1, 4, 1, 1], []), 1, COLOURS);
  expect(width).toBe(3);
  expect(data[4 + 3]).toBe(0);
  expect(data[3]).toBe(255);
});

test("a map is grey between the ends of its layer", () => {
  expect([...mapPixels([0, 2], 2, 1, [0, 2], COLOURS).data]).toEqual([255, 255, 255, 255, 0, 0, 0, 255]);
});
