import { BITS, SIDE, valueAt, type Place, type Source } from "./tile";

/** The weight that a cell shows, the first one of just this value; null where the matrix is another by now. */
export async function exact(source: Source, cell: Place, value: number, signal: AbortSignal): Promise<Place | null> {
  let found: Place | null = cell;
  while (found && found.down + found.across > 0) found = await finer(source, found, value, signal);
  return found;
}

/** One of the cells that a cell stands for, so many levels finer that they all lie in one tile. */
async function finer(source: Source, cell: Place, value: number, signal: AbortSignal): Promise<Place | null> {
  const level = { down: Math.max(0, cell.down - BITS), across: Math.max(0, cell.across - BITS) };
  const [height, width] = [2 ** (cell.down - level.down), 2 ** (cell.across - level.across)];
  const [top, left] = [cell.row * height, cell.column * width];
  const tile = await source.tile({ ...level, row: Math.floor(top / SIDE), column: Math.floor(left / SIDE) }, signal);
  const bottom = Math.min(top + height, Math.ceil(source.rows / 2 ** level.down));
  const right = Math.min(left + width, Math.ceil(source.columns / 2 ** level.across));
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const here = { ...level, row, column };
      const there = valueAt(tile, here);
      if (there === value || (Number.isNaN(there) && Number.isNaN(value))) return here;
    }
  }
  return null;
}
