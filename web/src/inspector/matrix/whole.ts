import type { Numbers } from "../../messages";
import { matrixOf, SIDE, type Place, type Source, type Tile } from "./tile";

/** A matrix whose weights are all at hand. */
export class Whole implements Source {
  readonly rows: number;
  readonly columns: number;
  readonly #most: number;

  constructor(readonly weights: Numbers<Float32Array>) {
    ({ rows: this.rows, columns: this.columns } = matrixOf(weights.shape));
    this.#most = largestOf(weights.data);
  }

  tile(place: Place): Tile {
    const { down, across } = place;
    const [top, left] = [place.row * SIDE * 2 ** down, place.column * SIDE * 2 ** across];
    const bottom = Math.min(this.rows, top + SIDE * 2 ** down);
    const right = Math.min(this.columns, left + SIDE * 2 ** across);
    const width = Math.ceil((right - left) / 2 ** across);
    const values = new Float32Array(width * Math.ceil((bottom - top) / 2 ** down));
    for (let row = top; row < bottom; row++) this.#gather(values, ((row - top) >> down) * width, row, left, right, across);
    return { ...place, values, width, most: this.#most };
  }

  /** Takes a part of a row into cells, from that number on. */
  #gather(cells: Float32Array, first: number, row: number, left: number, right: number, across: number): void {
    const { data } = this.weights;
    const start = row * this.columns;
    for (let column = left; column < right; column++) {
      const at = first + ((column - left) >> across);
      const value = data[start + column] as number;
      const before = cells[at] as number;
      const [size, sizeBefore] = [Math.abs(value), Math.abs(before)];
      if (size > sizeBefore || (size === sizeBefore && value > before) || size !== size) cells[at] = value;
    }
  }
}

/** How far a finite one is from 0 at most. */
function largestOf(values: Float32Array): number {
  let found = 0;
  for (let at = 0; at < values.length; at++) {
    const size = Math.abs(values[at] as number);
    if (size > found && size < Infinity) found = size;
  }
  return found;
}
