import { describe, expect, it } from "vitest";
import { advanced, neighbour } from "../../src/timeline/replay";
import { extremes, valueAt } from "../../src/timeline/series";

const series = { steps: [0, 2, 4, 8], values: [4, 1, NaN, 3] };

describe("series", () => {
  it("gives the last value up to a step", () => {
    expect([0, 1, 2, 3, 8, 99].map((step) => valueAt(series, step))).toEqual([4, 4, 1, 1, 3, 3]);
    expect(valueAt({ steps: [5], values: [1] }, 4)).toBeNull();
    expect(valueAt(null, 4)).toBeNull();
  });

  it("keeps extremes where there are more steps than columns", () => {
    const many = { steps: Array.from({ length: 1000 }, (_, step) => step), values: Array.from({ length: 1000 }, (_, step) => (step === 500 ? 99 : step % 2)) };
    const { low, high } = extremes(many, 999, 10);
    expect(Math.max(...high)).toBe(99);
    expect([...low].every((each) => each === 0 || each === 1)).toBe(true);
  });

  it("leaves out what is not finite", () => {
    const { high } = extremes(series, 8, 9);
    expect([...high].filter(Number.isFinite)).toEqual([4, 1, 3]);
  });
});

describe("replay", () => {
  it("takes ten seconds for the whole training", () => {
    expect(advanced(0, 5, 1, 400, null)).toEqual({ step: 200, ended: false });
    expect(advanced(300, 5, 1, 400, null)).toEqual({ step: 400, ended: true });
  });

  it("goes to neighbours and stays within the ends", () => {
    const steps = [0, 1, 4, 8];
    expect([neighbour(steps, 4, -1), neighbour(steps, 5, 1), neighbour(steps, 0, -1), neighbour(steps, 4, Infinity)]).toEqual([1, 8, 0, 8]);
    expect(neighbour([], 3, 1)).toBe(0);
  });
});
