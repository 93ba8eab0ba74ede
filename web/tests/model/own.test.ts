import { expect, test } from "vitest";
import { stroked } from "../../src/bay/inputs";
import { readOwn, writeOwn } from "../../src/model/own";

test("few numbers are written out and come back as a network gets them", () => {
  const numbers = [0.1, -2.5e-7, 0, 12];
  expect(writeOwn(numbers)).toBe("0.1_-2.5e-7_0_12");
  expect(readOwn(writeOwn(numbers))).toEqual(numbers);
  const long = Array.from({ length: 64 }, (_, place) => Math.sin(place) / 3);
  expect(readOwn(writeOwn(long))?.map(Math.fround)).toEqual(long.map(Math.fround));
  expect(writeOwn(long).length).toBeLessThan(350);
});

test("a drawing takes a letter and a third for each pixel, and comes back as it is", () => {
  const range = { low: -0.4242, high: 2.8215 };
  const drawn = stroked(Array.from({ length: 784 }, () => range.low), 28, { x: 4, y: 5 }, range, { x: 20, y: 25 });
  const text = writeOwn(drawn);
  expect(text.length).toBeLessThan(1100);
  expect(new URLSearchParams({ own: text }).toString()).toHaveLength(4 + text.length); // nothing is escaped
  const back = readOwn(text) ?? [];
  expect(Math.max(...back.map((each, place) => Math.abs(each - (drawn[place] ?? NaN))))).toBeLessThan(1e-6);
  expect(writeOwn(back)).toBe(text);
});

test("many numbers of any size come back as a network gets them", () => {
  const numbers = Array.from({ length: 1000 }, (_, place) => Math.fround(Math.sin(place) * 10 ** (place % 9)));
  expect(readOwn(writeOwn(numbers))).toEqual(numbers);
});

test("an even picture is one level", () => {
  expect(readOwn(writeOwn(Array.from({ length: 100 }, () => 0.5)))).toEqual(Array.from({ length: 100 }, () => 0.5));
});

test.each(["", "a_b", "1_NaN", "*!!", "*AAA", "1*2*%"])("what is no input is none: %s", (text) => {
  expect(readOwn(text)).toBeNull();
});
