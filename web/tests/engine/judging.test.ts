import { expect, it } from "vitest";
import { isRight, LOSSES } from "../../src/engine/judging";
import { signal } from "./parts";

it("takes cross entropy in nats, also of outputs too large to exponentiate", () => {
  const { cross_entropy: loss } = LOSSES;
  expect(loss(Float32Array.of(0, 0, 0, 0), Float64Array.of(3))).toBeCloseTo(Math.log(4), 12);
  expect(loss(Float32Array.of(1000, 998), Float64Array.of(0))).toBeCloseTo(Math.log1p(Math.exp(-2)), 9);
});

it("takes the mean of the squared errors", () => {
  expect(LOSSES.mse(Float32Array.of(1, 5), Float64Array.of(0, 2))).toBe(5);
});

it("chooses the first of equal outputs", () => {
  expect(isRight(signal([3], 1, 2, 2), Float64Array.of(1))).toBe(true);
  expect(isRight(signal([3], 1, 2, 2), Float64Array.of(2))).toBe(false);
});
