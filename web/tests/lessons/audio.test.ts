import { expect, test } from "vitest";
import { envelope, likeness, noisy, normalised, offBy, repeated, resampled } from "../../src/lessons/audio";

const close = (found: ArrayLike<number>, expected: number[]): void => {
  expect(found.length).toBe(expected.length);
  expected.forEach((each, at) => expect(found[at]).toBeCloseTo(each, 5));
};

test("a sound is as loud as fits beside its reference, and cut off where it is louder", () => {
  close(normalised([1, -2]), [0.4, -0.8]);
  close(normalised([1, -4, 9], [2]), [0.4, -1, 1]);
});

test("silence and what is no number stay silent", () => {
  close(normalised([0, 0]), [0, 0]);
  close(normalised([NaN, Infinity, 1]), [0, 0, 0.8]);
  close(normalised([]), []);
});

test("resampling goes along the straight line between neighbours", () => {
  close(resampled([0, 2], 1, 2), [0, 1, 2, 2]);
  close(resampled([0, 1, 2, 3], 4, 2), [0, 2]);
  close(resampled([5, 6, 7], 3, 3), [5, 6, 7]);
  expect(resampled(new Float32Array(8000), 8000, 48000).length).toBe(48000);
});

test("a sound is repeated", () => close(repeated([1, 2], 2), [1, 2, 1, 2]));

test("noise has the power that is asked for, and none leaves the sound as it is", () => {
  close(noisy([1, 2], 0), [1, 2]);
  let seed = 1;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const noise = noisy(new Float32Array(20000), 0.5, random);
  expect(offBy(noise, new Float32Array(20000))).toBeCloseTo(0.5, 1);
});

test("how far off a sound is, and how much of the target it is", () => {
  expect(offBy([1, 1], [1, 3])).toBeCloseTo(Math.SQRT2);
  expect(likeness([1, 3], [1, 3])).toBe(1);
  expect(likeness([0, 0], [1, 3])).toBe(0);
  expect(likeness([-9, 9], [1, 3])).toBe(0);
  expect(offBy([], [])).toBe(0);
});

test("an envelope has the ends of each column", () => {
  expect(envelope([1, -1, 2, 0], 2)).toEqual([[-1, 1], [0, 2]]);
  expect(envelope([3], 2)).toEqual([[3, 3], [3, 3]]);
});
