/** Columns of a picture of many sizes on a log scale; each holds one layer, or neighbouring ones where there are many. */
export interface Flow {
  readonly least: Float64Array; // above zero in each column; NaN where there is none
  readonly most: Float64Array;
  readonly isZero: Uint8Array; // whether one of the column is exactly 0
  readonly low: number; // whole powers of ten around all of them
  readonly high: number;
}

export function flowOf(sizes: ArrayLike<number>, columns: number): Flow {
  const count = Math.max(1, Math.min(columns, sizes.length));
  const [least, most, isZero] = [new Float64Array(count).fill(NaN), new Float64Array(count).fill(NaN), new Uint8Array(count)];
  let [low, high] = [Infinity, -Infinity];
  for (let place = 0; place < sizes.length; place++) {
    const size = sizes[place] ?? NaN;
    const column = Math.floor((place * count) / sizes.length);
    if (size === 0) isZero[column] = 1;
    if (!(size > 0) || !Number.isFinite(size)) continue;
    if (!((least[column] ?? NaN) <= size)) least[column] = size;
    if (!((most[column] ?? NaN) >= size)) most[column] = size;
    low = Math.min(low, size);
    high = Math.max(high, size);
  }
  return { least, most, isZero, low: 10 ** Math.floor(Math.log10(low)), high: 10 ** Math.ceil(Math.log10(high)) };
}

/** How high a size lies between the ends, from 0 to 1. */
export const heightOf = (size: number, { low, high }: Flow): number =>
  high > low ? (Math.log10(size) - Math.log10(low)) / (Math.log10(high) - Math.log10(low)) : 0.5;
