import { describe, expect, it } from "vitest";
import { cellAt, fill, fitted, moved, zoomed } from "../../src/inspector/view";

const extent = { rows: 100, columns: 50, width: 200, height: 100 };

describe("the view of a matrix", () => {
  it("fits all of it", () => expect(fitted(extent)).toEqual({ left: 0, top: 0, across: 4, down: 1 }));

  it("leaves the cell under the cursor where it is", () => {
    const near = zoomed(fitted(extent), 8, 101, 51, extent);
    expect(near.across).toBeCloseTo(32);
    expect(cellAt(near, 101, 51, extent)).toBe(cellAt(fitted(extent), 101, 51, extent));
  });

  it("never goes beyond the edge, nor farther than all", () => {
    const near = zoomed(fitted(extent), 4, 0, 0, extent);
    expect(moved(near, 500, 500, extent)).toMatchObject({ left: 0, top: 0 });
    expect(zoomed(near, 0.01, 10, 10, extent)).toEqual(fitted(extent));
  });

  it("tells nothing beside the matrix", () => expect(cellAt(fitted(extent), 199, 101, extent)).toBeNull());

  it("draws a sign in its colour", () => {
    const image = { width: 3, height: 1, data: new Uint8ClampedArray(12) } as unknown as ImageData;
    const palette = { positive: [0, 0, 255], negative: [255, 0, 0], neutral: [0, 0, 0] } as const;
    fill(image, [1, -1, 0], { left: 0, top: 0, across: 1, down: 1 }, { rows: 1, columns: 3, width: 3, height: 1 }, 1, palette);
    expect([...image.data]).toEqual([0, 0, 255, 255, 255, 0, 0, 255, 0, 0, 0, 255]);
  });
});
