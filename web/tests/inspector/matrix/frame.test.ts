import { describe, expect, it } from "vitest";
import { fill } from "../../../src/inspector/matrix/fill";
import { frameOf, placesIn, type Frame } from "../../../src/inspector/matrix/frame";
import { Sheet } from "../../../src/inspector/matrix/sheet";
import type { Tile } from "../../../src/inspector/matrix/tile";
import { fitted, moved, zoomed, type Extent, type View } from "../../../src/inspector/matrix/view";
import { farthest, matrix, seeded } from "./matrices";

const SIZES = [[1, 1], [3, 5], [16, 16], [100, 700], [1, 5000], [3000, 2], [1000, 1100], [517, 263]] as const;

/** Some places that a person may go to, all over a matrix. */
function* views(seed: number): Generator<{ extent: Extent; view: View; ratio: number }> {
  const next = seeded(seed);
  for (const [rows, columns] of SIZES) {
    for (const ratio of [1, 1.25, 2]) {
      const extent = { rows, columns, width: 30 + Math.floor(next() * 90), height: 24 + Math.floor(next() * 60) };
      let view = fitted(extent);
      for (let turn = 0; turn < 6; turn++) {
        yield { extent, view, ratio };
        view = zoomed(view, 0.6 + next() * 4, next() * extent.width, next() * extent.height, extent);
        view = moved(view, (next() - 0.5) * 80, (next() - 0.5) * 80, extent);
      }
    }
  }
}

/** What each pixel shows; the values themselves stand for colours. */
function painted(frame: Frame, sheet: Sheet): Float32Array {
  const pixels = new Uint32Array(frame.rows.length * frame.columns.length);
  fill(pixels, frame, (place) => sheet.known(place), ({ values }: Tile) => new Uint32Array(values.buffer, values.byteOffset, values.length));
  return new Float32Array(pixels.buffer);
}

describe("the pixels of a matrix", () => {
  it("each show the weight under their middle, but for the last", () => {
    for (const { extent, view, ratio } of views(1)) {
      const { columns } = frameOf(view, extent, ratio);
      const last = columns.findLastIndex((each) => each >= 0);
      const wanted = Int32Array.from({ length: last }, (_, x) => Math.floor(view.left + (x + 0.5) / (view.across * ratio)));
      expect(columns.slice(0, last)).toEqual(wanted);
    }
  });

  it("each show the one farthest from 0 of the block of just their level", () => {
    const wrong: unknown[] = [];
    let checked = 0;
    for (const { extent, view, ratio } of views(2)) {
      const { data, whole } = matrix(extent.rows, extent.columns);
      const frame = frameOf(view, extent, ratio);
      const sheet = new Sheet(whole, () => undefined);
      sheet.want(placesIn(frame));
      const pixels = painted(frame, sheet);
      const [high, wide] = [2 ** frame.down, 2 ** frame.across];
      for (let y = 0; y < frame.rows.length; y += 5) {
        for (let x = 0; x < frame.columns.length; x += 7) {
          const [row, column] = [frame.rows[y] as number, frame.columns[x] as number];
          if (row < 0 || column < 0) continue;
          const [top, left] = [row - (row % high), column - (column % wide)];
          const wanted = farthest(data, extent.columns, [top, top + high], [left, left + wide]);
          if (pixels[y * frame.columns.length + x] !== wanted) wrong.push([extent, view, x, y, wanted]);
          checked++;
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThan(10_000);
  });

  it("leave out no cell that is wholly in sight, however thin the last one is", () => {
    for (const { extent, view, ratio } of views(5)) {
      const { columns, across } = frameOf(view, extent, ratio);
      const seen = new Set([...columns].filter((each) => each >= 0).map((each) => each >> across));
      const size = 2 ** across;
      const end = view.left + columns.length / (view.across * ratio);
      const cells = Array.from({ length: Math.ceil(extent.columns / size) }, (_, cell) => cell);
      const whole = cells.filter((cell) => cell * size >= view.left && Math.min((cell + 1) * size, extent.columns) <= end + 1e-6);
      expect(whole.filter((cell) => !seen.has(cell))).toEqual([]);
    }
  });

  it("are no finer than they must be", () => {
    for (const { extent, view, ratio } of views(7)) {
      const { down, across } = frameOf(view, extent, ratio);
      expect(2 ** across * view.across * ratio).toBeGreaterThanOrEqual(1 - 1e-6);
      if (across > 1) expect(2 ** (across - 2) * view.across * ratio).toBeLessThan(1);
      if (down > 1) expect(2 ** (down - 2) * view.down * ratio).toBeLessThan(1);
    }
  });

  it("are empty beside the matrix", () => {
    const extent = { rows: 2, columns: 3, width: 100, height: 24 };
    const frame = frameOf(fitted(extent), extent, 1);
    expect([...frame.columns].filter((each) => each < 0)).toHaveLength(0);
    const narrow = { rows: 60, columns: 1, width: 100, height: 60 };
    expect([...frameOf(fitted(narrow), narrow, 1).columns].filter((each) => each >= 0)).toHaveLength(4);
  });
});
