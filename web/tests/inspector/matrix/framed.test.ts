import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Framed } from "../../../src/inspector/matrix/framed";

let drawn: number[] = [];
let framed: Framed<number>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["requestAnimationFrame", "cancelAnimationFrame"] });
  drawn = [];
  framed = new Framed((number) => drawn.push(number));
});
afterEach(() => void vi.useRealTimers());

it("draws at once, and of what comes meanwhile the newest in the next frame", () => {
  for (const each of [1, 2, 3]) framed.give(each);
  expect(drawn).toEqual([1]);
  vi.advanceTimersToNextFrame();
  expect(drawn).toEqual([1, 3]);
});

it("draws in every frame where something comes in every frame", () => {
  const move = (): void => {
    framed.give(drawn.length);
    requestAnimationFrame(move);
  };
  move();
  for (let frame = 0; frame < 5; frame++) vi.advanceTimersToNextFrame();
  expect(drawn).toHaveLength(6);
});

it("draws nothing more when it is stopped", () => {
  framed.give(1);
  framed.give(2);
  framed.stop();
  vi.advanceTimersToNextFrame();
  expect(drawn).toEqual([1]);
});
