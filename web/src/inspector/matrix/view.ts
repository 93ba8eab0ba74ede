/** Which part of a matrix is seen: its weight at the top left, and how many pixels a weight is wide and high. */
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

const STRETCH = 4; // a weight may be so many times as wide as it is high, or the other way round
const NEAREST = 64; // pixels of a weight

/** All of it: weights as near to squares as the place allows. */
export function fitted({ rows, columns, width, height }: Extent): View {
  const square = Math.min(width / columns, height / rows);
  const side = (room: number): number => (square < 1 ? room : Math.min(room, square * STRETCH));
  return { left: 0, top: 0, across: side(width / columns), down: side(height / rows) };
}

/** Nearer or farther, with what is under the cursor left where it is; the nearer, the more a weight is a square. */
export function zoomed(view: View, factor: number, x: number, y: number, extent: Extent): View {
  const least = fitted(extent);
  const [wider, higher] = [Math.log(Math.max(1, NEAREST / least.across)), Math.log(Math.max(1, NEAREST / least.down))];
  const way = Math.max(wider, higher);
  if (way === 0) return least;
  const gone = wider > higher ? Math.log(view.across / least.across) / wider : Math.log(view.down / least.down) / higher;
  const share = Math.max(0, Math.min(1, gone + Math.log(factor) / way));
  const [across, down] = [least.across * Math.exp(share * wider), least.down * Math.exp(share * higher)];
  return kept({ left: view.left + x / view.across - x / across, top: view.top + y / view.down - y / down, across, down }, extent);
}

export const moved = (view: View, x: number, y: number, extent: Extent): View =>
  kept({ ...view, left: view.left - x / view.across, top: view.top - y / view.down }, extent);

/** Moved just so far that a weight is in sight. */
export function revealed(view: View, row: number, column: number, extent: Extent): View {
  const nearest = (start: number, seen: number, at: number): number =>
    at < start ? at : at + 1 > start + seen ? at + 1 - seen : start;
  const left = nearest(view.left, extent.width / view.across, column);
  return kept({ ...view, left, top: nearest(view.top, extent.height / view.down, row) }, extent);
}

/** Within the matrix, and never farther away than all of it. */
export function kept(view: View, extent: Extent): View {
  const least = fitted(extent);
  const [across, down] = [Math.max(view.across, least.across), Math.max(view.down, least.down)];
  const inside = (at: number, size: number, seen: number): number => Math.max(0, Math.min(at, size - seen));
  const left = inside(view.left, extent.columns, extent.width / across);
  return { left, top: inside(view.top, extent.rows, extent.height / down), across, down };
}
