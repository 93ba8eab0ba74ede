import { sizeOf } from "../../model/shape";

/** Cells along a side of a tile; the server has the same in `questions/tile.py`. */
export const BITS = 8;
export const SIDE = 1 << BITS;

/** How coarse a matrix is looked at: a cell stands for 2^down × 2^across weights. */
export interface Level {
  readonly down: number;
  readonly across: number;
}

export const FINEST: Level = { down: 0, across: 0 };

/** One of a matrix's weights. */
export interface Weight {
  readonly row: number;
  readonly column: number;
}

/** One of a level's cells, or one of its tiles. */
export interface Place extends Level, Weight {}

/** A square of a level's cells; each has the weight farthest from 0 of those that it stands for. */
export interface Tile extends Place {
  readonly values: Float32Array;
  readonly width: number; // in cells; less than a side at the matrix's right edge
  readonly most: number; // how far a weight of the whole matrix is from 0 at most
}

/** A matrix that is looked at in tiles. */
export interface Source {
  readonly rows: number;
  readonly columns: number;
  /** At once where the weights are at hand. */
  tile(place: Place, signal: AbortSignal): Tile | Promise<Tile>;
}

/** Rows and columns of a parameter: a row for each unit, but one row of what has one axis only. */
export function matrixOf(shape: readonly number[]): { rows: number; columns: number } {
  const rows = shape.length > 1 ? Math.max(1, shape[0] ?? 1) : 1;
  return { rows, columns: sizeOf(shape) / rows };
}

export const nameOf = ({ down, across, row, column }: Place): string => `${down} ${across} ${row} ${column}`;

/** The cell, or the tile, of a coarser level that covers one. */
export const within = ({ down, across }: Level, place: Place): Place => ({
  down,
  across,
  row: place.row >> (down - place.down),
  column: place.column >> (across - place.across),
});

/** The cell of a level in which a weight is, and the tile of that. */
export const cellOf = (level: Level, row: number, column: number): Place => within(level, { ...FINEST, row, column });

export function tileOf(level: Level, row: number, column: number): Place {
  const cell = cellOf(level, row, column);
  return { ...cell, row: cell.row >> BITS, column: cell.column >> BITS };
}

/** What a tile has in a cell of its level. */
export const valueAt = ({ values, width }: Tile, { row, column }: Place): number =>
  values[(row % SIDE) * width + (column % SIDE)] ?? NaN;
