import { expect, test } from "vitest";
import { between, WHOLE, withEnd } from "../../src/timeline/loop";
import { advanced, keptAt, labelled, nearest, neighbour } from "../../src/timeline/replay";

const STEPS = [0, 1, 2, 5, 10, 100];

test("the whole run takes ten seconds at speed 1", () => {
  expect(advanced(0, 5, 1, 600, null)).toEqual({ step: 300, ended: false });
  expect(advanced(0, 5, 2, 600, null)).toEqual({ step: 600, ended: true });
  expect(advanced(0, 0.1, 0.5, 600, null).step).toBeCloseTo(3);
});

test("at the end it stops, or rests a little and begins again", () => {
  expect(advanced(590, 1, 1, 600, null)).toEqual({ step: 600, ended: true });
  expect(advanced(590, 1, 1, 600, WHOLE)).toEqual({ step: 650, ended: false });
  expect(advanced(650, 1, 1, 600, WHOLE).step).toBeCloseTo(50);
  expect(advanced(0, 1, 1, 0, WHOLE)).toEqual({ step: 0, ended: true });
});

test.each([0.25, 0.5, 1, 2, 4])("at speed %d a loop shows each of its snapshots and nothing else", (speed) => {
  const loop = [2, 10] as const;
  const seen: number[] = [];
  let [position, passes] = [2, 0];
  const frames = (60 * 22) / speed; // ten passes of 2 seconds and their rests
  for (let frame = 0; frame < frames; frame++) {
    const { step, ended } = advanced(position, 1 / 60, speed, 100, loop);
    expect(ended).toBe(false);
    if (step < position) passes++;
    position = step;
    seen.push(STEPS[keptAt(STEPS, Math.min(step, loop[1]))] ?? -1);
  }
  expect([...new Set(seen)].sort((one, other) => one - other)).toEqual([2, 5, 10]);
  expect(passes).toBeGreaterThanOrEqual(9);
  expect(passes).toBeLessThanOrEqual(10);
});

test("from outside a loop it goes to its start", () => {
  expect(advanced(1, 0.1, 1, 100, [2, 10])).toEqual({ step: 2, ended: false });
  expect(advanced(90, 0.1, 1, 100, [2, 10])).toEqual({ step: 2, ended: false });
});

test("a loop of a link that lies beyond the run ends the replay", () => {
  expect(advanced(50, 0.1, 1, 100, [200, 300]).ended).toBe(true);
});

test("one end of a loop makes way for the other", () => {
  expect(withEnd(null, "from", 5, STEPS)).toEqual([5, 100]);
  expect(withEnd(null, "to", 5, STEPS)).toEqual([0, 5]);
  expect(withEnd([2, 10], "from", 1, STEPS)).toEqual([1, 10]);
  expect(withEnd([2, 10], "from", 10, STEPS)).toEqual([10, 100]);
  expect(withEnd([2, 10], "to", 1, STEPS)).toEqual([0, 1]);
  expect(withEnd([2, 10], "from", 100, STEPS)).toEqual([10, 100]);
  expect(withEnd([2, 10], "to", 0, STEPS)).toEqual([0, 1]);
  expect(withEnd(null, "from", 0, [0])).toBeNull();
});

test("a part begins at whichever end is first", () => {
  expect(between(10, 2)).toEqual([2, 10]);
  expect(between(5, 5)).toBeNull();
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
