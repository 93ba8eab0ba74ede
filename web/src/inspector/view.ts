import type { Shade } from "./theme";

/** Which part of a matrix is seen: its cell at the top left, and how many pixels a cell is wide and high. */
export interface View {
  readonly left: number;
  readonly top: number;
  readonly across: number;
  readonly down: number;
}

export interface Extent {
  readonly rows: number;
  readonly columns: number;
  readonly width: number;
  readonly height: number;
}

const STRETCH = 4; // a cell may be so many times as wide as it is high, or the other way round

/** All of it: cells as near to squares as the place allows. */
export function fitted({ rows, columns, width, height }: Extent): View {
  const square = Math.min(width / columns, height / rows);
  const side = (room: number): number => (square < 1 ? room : Math.min(room, square * STRETCH));
  return { left: 0, top: 0, across: side(width / columns), down: side(height / rows) };
}

/** Nearer or farther, with the cell under the cursor left where it is. */
export function zoomed(view: View, factor: number, x: number, y: number, extent: Extent): View {
  const least = fitted(extent);
  const grown = Math.max(factor, least.across / view.across);
  const across = Math.min(view.across * grown, Math.max(64, least.across));
  const down = view.down * (across / view.across);
  return kept({ left: view.left + x / view.across - x / across, top: view.top + y / view.down - y / down, across, down }, extent);
}

export const moved = (view: View, x: number, y: number, extent: Extent): View =>
  kept({ ...view, left: view.left - x / view.across, top: view.top - y / view.down }, extent);

/** The cell at a pixel, as its number in row-major order; null beside the matrix. */
export function cellAt(view: View, x: number, y: number, { rows, columns }: Extent): number | null {
  const [row, column] = [Math.floor(view.top + y / view.down), Math.floor(view.left + x / view.across)];
  return row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : null;
}

export interface Palette {
  readonly positive: Shade;
  readonly negative: Shade;
  readonly neutral: Shade;
}

/** Fill an image with what is seen: one look-up a pixel, however large the matrix is. */
export function fill(image: ImageData, values: ArrayLike<number>, view: View, { rows, columns }: Extent, most: number, palette: Palette): void {
  const { width, height, data } = image;
  const across = Int32Array.from({ length: width }, (_, x) => Math.floor(view.left + (x + 0.5) / view.across));
  data.fill(0);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(view.top + (y + 0.5) / view.down);
    if (row < 0 || row >= rows) continue;
    for (let x = 0; x < width; x++) {
      const column = across[x] ?? -1;
      if (column < 0 || column >= columns) continue;
      const share = Math.max(-1, Math.min(1, (values[row * columns + column] ?? 0) / most));
      const { neutral } = palette;
      const end = share < 0 ? palette.negative : palette.positive;
      const strength = Math.sqrt(Math.abs(share)); // small ones are seen as well
      const at = 4 * (y * width + x);
      data[at] = neutral[0] + (end[0] - neutral[0]) * strength;
      data[at + 1] = neutral[1] + (end[1] - neutral[1]) * strength;
      data[at + 2] = neutral[2] + (end[2] - neutral[2]) * strength;
      data[at + 3] = 255;
    }
  }
}

export function largestOf(values: ArrayLike<number>): number {
  let found = 0;
  for (let place = 0; place < values.length; place++) found = Math.max(found, Math.abs(values[place] ?? 0) || 0);
  return Number.isFinite(found) && found > 0 ? found : 1;
}

function kept(view: View, { rows, columns, width, height }: Extent): View {
  const within = (at: number, size: number, seen: number): number => Math.max(0, Math.min(at, size - seen));
  return { ...view, left: within(view.left, columns, width / view.across), top: within(view.top, rows, height / view.down) };
}
