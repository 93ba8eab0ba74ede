import { sizeOf } from "../model/shape";

/** How the weights of a unit lie in its picture: tiles side by side, each a small matrix. */
export interface Picture {
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly across: number;
  readonly tiles: number;
  readonly size: number; // how many weights there are; a near-square's last row may not be full
}

/** The picture of a unit with weights of such a shape, of which the first is the unit's own axis.
 *
 * `inputs` are shapes that the layer may read flattened: that of the network's input, of a map before it.
 */
export function pictureOf(shape: readonly number[], inputs: readonly (readonly number[])[]): Picture {
  const [, ...rest] = shape;
  const size = sizeOf(rest);
  if (rest.length > 2) return tiled(rest, size);
  if (rest.length === 2) return { tileWidth: rest[1] ?? 1, tileHeight: rest[0] ?? 1, across: 1, tiles: 1, size };
  const map = inputs.find((each) => each.length > 1 && sizeOf(each) === size && (each.at(-1) ?? 1) > 1 && (each.at(-2) ?? 1) > 1);
  if (map) return tiled(map, size);
  const tileWidth = Math.max(1, Math.ceil(Math.sqrt(size)));
  return { tileWidth, tileHeight: Math.max(1, Math.ceil(size / tileWidth)), across: 1, tiles: 1, size };
}

export const gapOf = ({ tiles }: Picture): number => (tiles > 1 ? 1 : 0);
export const downOf = ({ tiles, across }: Picture): number => Math.ceil(tiles / across);
export const widthOf = (of: Picture): number => of.across * (of.tileWidth + gapOf(of)) - gapOf(of);
export const heightOf = (of: Picture): number => downOf(of) * (of.tileHeight + gapOf(of)) - gapOf(of);

/** Where a weight is, in cells from the top left. */
export function cellOf(within: number, of: Picture): { x: number; y: number } {
  const area = of.tileWidth * of.tileHeight;
  const tile = Math.floor(within / area);
  const rest = within % area;
  return {
    x: (tile % of.across) * (of.tileWidth + gapOf(of)) + (rest % of.tileWidth),
    y: Math.floor(tile / of.across) * (of.tileHeight + gapOf(of)) + Math.floor(rest / of.tileWidth),
  };
}

/** The weight at a cell; null beside the picture and in the gaps between its tiles. */
export function withinAt(x: number, y: number, of: Picture): number | null {
  const pitchX = of.tileWidth + gapOf(of);
  const pitchY = of.tileHeight + gapOf(of);
  const column = Math.floor(x / pitchX);
  const inX = x - column * pitchX;
  const inY = y - Math.floor(y / pitchY) * pitchY;
  if (x < 0 || y < 0 || column >= of.across || inX >= of.tileWidth || inY >= of.tileHeight) return null;
  const tile = Math.floor(y / pitchY) * of.across + column;
  const within = tile * of.tileWidth * of.tileHeight + inY * of.tileWidth + inX;
  return within < of.size ? within : null;
}

function tiled(shape: readonly number[], size: number): Picture {
  const tileWidth = shape.at(-1) ?? 1;
  const tileHeight = shape.at(-2) ?? 1;
  const tiles = size / (tileWidth * tileHeight);
  const across = Math.min(tiles, Math.max(1, Math.ceil(Math.sqrt((tiles * tileHeight) / tileWidth))));
  return { tileWidth, tileHeight, across, tiles, size };
}
