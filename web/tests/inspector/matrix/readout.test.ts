import { describe, expect, it } from "vitest";
import { cellIs, told, weightsOf } from "../../../src/inspector/matrix/readout";
import { Shades } from "../../../src/inspector/matrix/shades";

const matrix = { rows: 100, columns: 50 };

describe("the readout of a matrix", () => {
  it("names a weight by its index", () => {
    expect(weightsOf({ down: 0, across: 0, row: 3, column: 4 }, matrix, [100, 50])).toBe("[3, 4]");
    expect(weightsOf({ down: 0, across: 0, row: 3, column: 49 }, matrix, [100, 2, 5, 5])).toBe("[3, 1, 4, 4]");
    expect(weightsOf({ down: 0, across: 0, row: 0, column: 4 }, { rows: 1, columns: 9 }, [9])).toBe("[4]");
  });

  it("names several by their ranges, which end with the matrix", () => {
    expect(weightsOf({ down: 3, across: 4, row: 12, column: 3 }, matrix, [100, 50])).toBe("[96…99, 48…49]");
    expect(weightsOf({ down: 0, across: 1, row: 7, column: 0 }, matrix, [100, 50])).toBe("[7, 0…1]");
    expect(weightsOf({ down: 1, across: 1, row: 0, column: 2 }, matrix, [100, 2, 5, 5])).toBe("unit 0…1, its weights 4…5");
  });

  it("says what a cell is, and what is no number", () => {
    expect(cellIs({ down: 0, across: 0 })).toBe("a cell is a weight");
    expect(cellIs({ down: 5, across: 0 })).toBe("farthest from 0 of 32 × 1 weights");
    expect([told(NaN), told(-Infinity), told(0.25)]).toEqual(["NaN", "−∞", "+0.2500"]);
  });
});

describe("the shades of a matrix", () => {
  const shades = new Shades({ positive: [0, 0, 255], negative: [255, 0, 0], neutral: [0, 0, 0], ink: [9, 9, 9] });
  const tile = { down: 0, across: 0, row: 0, column: 0, width: 5, most: 4, values: Float32Array.of(4, -4, 0, 1, NaN) };

  it("draw a sign in its colour, the more the farther from 0", () =>
    expect([...new Uint8Array(shades.of(tile).buffer)]).toEqual([0, 0, 255, 255, 255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 128, 255, 9, 9, 9, 255]));

  it("are mixed once for a tile", () => expect(shades.of(tile)).toBe(shades.of(tile)));

  it("draw infinities at their ends, and nothing but zeros in no colour", () => {
    const ends = shades.of({ ...tile, values: Float32Array.of(Infinity, -Infinity), most: 4 });
    expect([...new Uint8Array(ends.buffer)]).toEqual([0, 0, 255, 255, 255, 0, 0, 255]);
    expect([...new Uint8Array(shades.of({ ...tile, values: Float32Array.of(0), most: 0 }).buffer)]).toEqual([0, 0, 0, 255]);
  });
});
