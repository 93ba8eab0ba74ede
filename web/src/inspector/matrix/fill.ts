import { runs, type Frame, type Run } from "./frame";
import { SIDE, type Place, type Tile } from "./tile";

/** Fills pixels from what is known of each tile that is seen: itself, or a coarser one. */
export function fill(pixels: Uint32Array, frame: Frame, known: (place: Place) => Tile | null, colours: (tile: Tile) => Uint32Array): void {
  const { rows, columns, down, across } = frame;
  const beside = runs(columns, across);
  pixels.fill(0);
  for (const below of runs(rows, down)) {
    for (const run of beside) {
      const tile = known({ down, across, row: below.tile, column: run.tile });
      if (tile) copy(pixels, frame, below, run, tile, colours(tile));
    }
  }
}

function copy(pixels: Uint32Array, { rows, columns }: Frame, below: Run, beside: Run, tile: Tile, colours: Uint32Array): void {
  const total = columns.length;
  let before = -1;
  for (let y = below.from; y < below.to; y++) {
    const cell = ((rows[y] as number) >> tile.down) % SIDE;
    const start = y * total;
    if (cell === before) pixels.copyWithin(start + beside.from, start - total + beside.from, start - total + beside.to);
    else
      for (let x = beside.from; x < beside.to; x++)
        pixels[start + x] = colours[cell * tile.width + (((columns[x] as number) >> tile.across) % SIDE)] as number;
    before = cell;
  }
}
