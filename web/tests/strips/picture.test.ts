import { expect, test } from "vitest";
import { cellOf, heightOf, pictureOf, widthOf, withinAt } from "../../src/strips/picture";

test.each([
  ["a kernel", [12, 1, 3, 3], [], 3, 3],
  ["kernels of four channels", [8, 4, 3, 3], [], 7, 7],
  ["kernels of three channels", [8, 3, 3, 3], [], 7, 7],
  ["a kernel along time", [8, 4, 5], [], 5, 4],
  ["a row behind a picture", [10, 32], [[1, 4, 8]], 8, 4],
  ["a row behind maps", [10, 64], [[1, 8, 8], [4, 4, 4]], 8, 8],
  ["a row that is no square", [10, 7], [], 3, 3],
  ["one number a unit", [16], [], 1, 1],
])("%s", (_, shape, inputs, width, height) => {
  const picture = pictureOf(shape, inputs);
  expect([widthOf(picture), heightOf(picture)]).toEqual([width, height]);
});

test.each([[[8, 4, 3, 3]], [[8, 3, 3, 3]], [[8, 5, 2]], [[8, 7]], [[8, 1]]])("each weight of %j is found where it is drawn", (shape) => {
  const picture = pictureOf(shape, []);
  for (let within = 0; within < picture.size; within++) {
    const { x, y } = cellOf(within, picture);
    expect(withinAt(x, y, picture)).toBe(within);
  }
});

test("there is no weight between tiles, beside the picture or after the last one", () => {
  const tiles = pictureOf([8, 4, 3, 3], []);
  expect(withinAt(3, 0, tiles)).toBeNull();
  expect(withinAt(-1, 0, tiles)).toBeNull();
  expect(withinAt(7, 0, tiles)).toBeNull();
  expect(withinAt(2, 2, pictureOf([8, 7], []))).toBeNull();
});
