import { expect, test } from "vitest";
import type { Heard } from "../../src/messages";
import type { Layer } from "../../src/model/layers";
import { answersOf, norms, sorted } from "../../src/strips/answers";

const layer = { name: "a", units: 2, fanIn: 2 } as Layer;
const heard = (data: number[], shape: number[]): Heard => ({ layers: [{ module: "a", values: { data: Float32Array.from(data), shape } }] }) as unknown as Heard;

test("a number for each unit", () => {
  const found = answersOf(heard([1, -4], [2]), layer);
  expect([found?.width, found?.height, [...(found?.levels ?? [])], found?.most]).toEqual([1, 1, [1, 4], 4]);
});

test("a map for each unit", () => {
  const found = answersOf(heard([0, 1, 2, 3, 0, 0, 0, -5], [2, 2, 2]), layer);
  expect([found?.width, found?.height, [...(found?.levels ?? [])], found?.ends]).toEqual([2, 2, [3, 5], [-5, 3]]);
});

test("units that come last, after the places of a sequence", () => {
  const found = answersOf(heard([1, 2, 3, 4, 5, 6], [3, 2]), layer);
  expect([found?.width, found?.height, [...(found?.data ?? [])]]).toEqual([3, 1, [1, 3, 5, 2, 4, 6]]);
});

test("nothing of another module, or of another number of units", () => {
  expect(answersOf(heard([1, 2, 3], [3]), layer)).toBeNull();
  expect(answersOf(null, layer)).toBeNull();
});

test("sorting from the most to the least, and as they are", () => {
  expect([...sorted(3, norms([1, 0, 3, 4, 0, 2], 3, 2))]).toEqual([1, 2, 0]);
  expect([...sorted(3, null)]).toEqual([0, 1, 2]);
});
