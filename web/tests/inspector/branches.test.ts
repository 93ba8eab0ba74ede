import { expect, it } from "vitest";
import type { Gradient } from "../../src/messages";
import { branchesOf, pathOf } from "../../src/inspector/weight/branches";
import { rankOf } from "../../src/inspector/weight/rank";

const doubles = (...values: number[]) => ({ data: Float64Array.from(values), shape: [values.length] });
const level: Gradient = {
  step: 3, total: doubles(-1), rest: doubles(0.5), others: 7, labels: ["example 4"], first: doubles(-0.5), second: doubles(3),
  products: doubles(-1.5), opens: [true], classes: [], pushes: doubles(), note: "",
};

it("a level of the chain rule has a branch for each summand and one for the rest", () => {
  const [first, rest] = branchesOf(level, []);
  expect(first).toEqual({ id: "0", name: "example 4", numbers: "δ −0.500 × x +3", value: -1.5, opens: true });
  expect(rest).toMatchObject({ name: "7 more", value: 0.5, opens: false });
});

it("a branch knows the way to it", () => {
  const [below] = branchesOf(level, [2, 0]);
  expect(below && pathOf(below)).toEqual([2, 0, 0]);
  expect(below?.numbers).toBe("∂z′/∂z −0.500 × δ′ +3");
});

it("the largest has rank 1, and what is no number the last", () => {
  const values = [0.1, NaN, 3, -2];
  expect(values.map((_, place) => rankOf(values, place))).toEqual([2, 4, 1, 3]);
});
