import { BITS, type Level, type Place } from "./tile";
import type { Extent, View } from "./view";

/** Which row and which column of a matrix each line of pixels shows, -1 beside it, and at which level. */
export interface Frame extends Level {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

/** Lines of pixels that show the same tile, from one up to another. */
export interface Run {
  readonly tile: number;
  readonly from: number;
  readonly to: number;
}

/** At the finest level whose cells are all seen: a cell is a pixel at least. `ratio` is the screen's pixels a pixel. */
export function frameOf(view: View, extent: Extent, ratio: number): Frame {
  const [rows, down] = lines(view.top, view.down * ratio, Math.round(extent.height * ratio), extent.rows);
  const [columns, across] = lines(view.left, view.across * ratio, Math.round(extent.width * ratio), extent.columns);
  return { rows, columns, down, across };
}

function lines(start: number, scale: number, pixels: number, size: number): [Int32Array, number] {
  const shown = new Int32Array(pixels).fill(-1);
  let last = -1;
  for (let pixel = 0; pixel < pixels; pixel++) {
    const at = Math.floor(start + (pixel + 0.5) / scale);
    if (at < 0 || at >= size) continue;
    shown[pixel] = at;
    last = pixel;
  }
  let halvings = Math.max(0, Math.ceil(-Math.log2(scale) - 1e-9));
  if (last < 0 || start + (last + 1.5) / scale < size) return [shown, halvings];
  // what is left over at the end may be less than a pixel; it takes the last one, where its neighbour has another
  const cell = (pixel: number): number => (shown[pixel] ?? -1) >> halvings;
  while (cell(last) !== (size - 1) >> halvings) {
    if (last > 0 && cell(last - 1) === cell(last)) shown[last] = size - 1;
    else halvings++;
  }
  return [shown, halvings];
}

/** The tiles that are seen. */
export function placesIn({ rows, columns, down, across }: Frame): Place[] {
  const beside = runs(columns, across);
  return runs(rows, down).flatMap(({ tile: row }) => beside.map(({ tile: column }) => ({ down, across, row, column })));
}

/** A line of pixels in parts that lie in one tile each. */
export function runs(shown: Int32Array, halvings: number): Run[] {
  const found: Run[] = [];
  for (let at = 0; at < shown.length; at++) {
    const tile = (shown[at] as number) >> (halvings + BITS);
    const before = found.at(-1);
    if (shown[at] === -1) continue;
    if (before && before.tile === tile) found[found.length - 1] = { ...before, to: at + 1 };
    else found.push({ tile, from: at, to: at + 1 });
  }
  return found;
}
