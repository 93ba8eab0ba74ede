import { describe, expect, it } from "vitest";
import { exact } from "../../../src/inspector/matrix/exact";
import { cellOf, matrixOf, SIDE, valueAt } from "../../../src/inspector/matrix/tile";
import { Whole } from "../../../src/inspector/matrix/whole";
import { farthest, matrix, seeded } from "./matrices";

const { signal } = new AbortController();

describe("a matrix at hand", () => {
  it("has in each cell the weight farthest from 0", () => {
    const [rows, columns] = [700, 301];
    const { data, whole } = matrix(rows, columns);
    for (const [down, across] of [[0, 0], [1, 0], [0, 1], [1, 2], [3, 3], [10, 9]] as const) {
      const [high, wide] = [2 ** down, 2 ** across];
      for (let row = 0; row * SIDE * high < rows; row++) {
        for (let column = 0; column * SIDE * wide < columns; column++) {
          const { values, width, most } = whole.tile({ down, across, row, column });
          expect(most).toBe(2.5);
          const wanted = values.map((_, at) => {
            const top = (row * SIDE + Math.floor(at / width)) * high;
            const left = (column * SIDE + (at % width)) * wide;
            return farthest(data, columns, [top, top + high], [left, left + wide]);
          });
          expect(values).toEqual(wanted);
        }
      }
    }
  });

  it("hides no NaN, takes the positive of two, and scales by what is finite", () => {
    const whole = new Whole({ data: Float32Array.of(-2, 2, NaN, Infinity, 1, -Infinity, 0, -0.5), shape: [2, 4] });
    const { values, most } = whole.tile({ down: 1, across: 1, row: 0, column: 0 });
    expect([...values]).toEqual([-Infinity, NaN]);
    expect(most).toBe(2);
    expect([...new Whole({ data: Float32Array.of(-2, 2), shape: [2] }).tile({ down: 0, across: 1, row: 0, column: 0 }).values]).toEqual([2]);
  });

  it("is a row of what has one axis", () => {
    expect(matrixOf([7])).toEqual({ rows: 1, columns: 7 });
    expect(matrixOf([4, 3, 2, 2])).toEqual({ rows: 4, columns: 12 });
    expect(matrixOf([0, 3])).toEqual({ rows: 1, columns: 0 });
  });
});

describe("the weight that a cell shows", () => {
  it("is one of the cell with just its value", async () => {
    const next = seeded(11);
    const [rows, columns] = [900, 1700];
    const data = Float32Array.from({ length: rows * columns }, () => next() - 0.5);
    const whole = new Whole({ data, shape: [rows, columns] });
    for (const [down, across] of [[0, 0], [2, 3], [7, 7], [10, 11]] as const) {
      const cell = cellOf({ down, across }, Math.floor(next() * rows), Math.floor(next() * columns));
      const tile = whole.tile({ ...cell, row: Math.floor(cell.row / SIDE), column: Math.floor(cell.column / SIDE) });
      const value = valueAt(tile, cell);
      const found = await exact(whole, cell, value, signal);
      expect(found).toMatchObject({ down: 0, across: 0 });
      expect(data[(found?.row ?? -1) * columns + (found?.column ?? -1)]).toBe(value);
      expect(cellOf({ down, across }, found?.row ?? -1, found?.column ?? -1)).toEqual(cell);
    }
  });

  it("is found where it is no number, and not where it is no more", async () => {
    const whole = new Whole({ data: Float32Array.of(1, NaN, 2, 3), shape: [2, 2] });
    const cell = { down: 1, across: 1, row: 0, column: 0 };
    expect(await exact(whole, cell, NaN, signal)).toMatchObject({ row: 0, column: 1 });
    expect(await exact(whole, cell, 7, signal)).toBeNull();
  });
});
