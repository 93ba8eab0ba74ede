import { describe, expect, it } from "vitest";
import { fitted, kept, moved, revealed, zoomed } from "../../../src/inspector/matrix/view";
import { seeded } from "./matrices";

const extent = { rows: 100, columns: 50, width: 200, height: 100 };

describe("the view of a matrix", () => {
  it("fits all of it", () => expect(fitted(extent)).toEqual({ left: 0, top: 0, across: 4, down: 1 }));

  it("leaves what is under the cursor where it is", () => {
    const near = zoomed(fitted(extent), 8, 101, 51, extent);
    expect(near.left + 101 / near.across).toBeCloseTo(101 / 4);
    expect(near.top + 51 / near.down).toBeCloseTo(51);
  });

  it("never goes beyond the edge, nor farther than all", () => {
    const near = zoomed(fitted(extent), 4, 0, 0, extent);
    expect(moved(near, 500, 500, extent)).toMatchObject({ left: 0, top: 0 });
    const back = zoomed(near, 0.01, 10, 10, extent);
    expect(back.across).toBeCloseTo(4);
    expect(back.down).toBeCloseTo(1);
    expect(back).toMatchObject({ left: 0, top: 0 });
  });

  it("comes so near that a weight is a square, however long the matrix is", () => {
    for (const [rows, columns] of [[50_257, 768], [10, 1_000_000], [4096, 16_384]] as const) {
      const long = { rows, columns, width: 280, height: 200 };
      const near = zoomed(fitted(long), 1e9, 140, 100, long);
      expect(near.across).toBeCloseTo(64);
      expect(near.down).toBeCloseTo(64);
    }
  });

  it("comes back by the way it went", () => {
    const next = seeded(3);
    const long = { rows: 300, columns: 9000, width: 280, height: 200 };
    let view = fitted(long);
    for (let turn = 0; turn < 30; turn++) view = zoomed(view, 0.5 + next() * 2, next() * 280, next() * 200, long);
    view = zoomed(view, 1e-9, 9, 9, long);
    expect(view.across).toBeCloseTo(fitted(long).across);
    expect(view.down).toBeCloseTo(fitted(long).down);
  });

  it("moves just so far that a weight is in sight", () => {
    const near = { left: 0, top: 0, across: 20, down: 20 };
    expect(revealed(near, 0, 3, extent)).toEqual(near);
    expect(revealed(near, 7, 12, extent)).toMatchObject({ left: 3, top: 3 });
    expect(revealed({ ...near, left: 30, top: 30 }, 7, 12, extent)).toMatchObject({ left: 12, top: 7 });
  });

  it("fits again in a smaller place", () => expect(kept({ left: 60, top: 0, across: 1, down: 1 }, extent)).toEqual({ left: 0, top: 0, across: 4, down: 1 }));
});
