import { expect, test } from "vitest";
import { advanced, keptAt, labelled, nearest, neighbour } from "../../src/timeline/replay";

const STEPS = [0, 1, 2, 5, 10, 100];

test("the whole run takes ten seconds at speed 1", () => {
  expect(advanced(0, 5, 1, 600, false)).toEqual({ step: 300, ended: false });
  expect(advanced(0, 5, 2, 600, false)).toEqual({ step: 600, ended: true });
  expect(advanced(0, 0.1, 0.5, 600, false).step).toBeCloseTo(3);
});

test("at the end it stops, or begins again", () => {
  expect(advanced(590, 1, 1, 600, false)).toEqual({ step: 600, ended: true });
  expect(advanced(590, 1, 1, 600, true)).toEqual({ step: 50, ended: false });
  expect(advanced(0, 1, 1, 0, true)).toEqual({ step: 0, ended: true });
});

test("the last kept step up to a step", () => {
  expect([-1, 0, 4.9, 5, 99, 1000].map((step) => keptAt(STEPS, step))).toEqual([0, 0, 2, 3, 4, 5]);
  expect(keptAt([], 3)).toBe(0);
});

test("neighbours stay within the run", () => {
  expect(neighbour(STEPS, 5, 1)).toBe(10);
  expect(neighbour(STEPS, 7, -1)).toBe(2);
  expect(neighbour(STEPS, 5, -Infinity)).toBe(0);
  expect(neighbour(STEPS, 5, Infinity)).toBe(100);
  expect(neighbour([], 5, 1)).toBe(0);
});

test("the nearest kept step is the same as by looking at all of them", () => {
  for (let step = -3; step < 120; step++) {
    const all = STEPS.reduce((best, each) => (Math.abs(each - step) < Math.abs(best - step) ? each : best));
    expect(nearest(STEPS, step)).toBe(all);
  }
  expect(nearest([7], 3)).toBe(7);
});

test("labels are round, apart, and leave room for the last", () => {
  expect(labelled(400, 1232)).toEqual([0, 50, 100, 150, 200, 250, 300, 350]);
  expect(labelled(3, 1000)).toEqual([0, 1, 2]);
  expect(labelled(1_000_000, 500).length).toBeLessThanOrEqual(6);
  expect(labelled(0, 500)).toEqual([0]);
});
