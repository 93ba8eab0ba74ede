export interface Histogram {
  readonly counts: Uint32Array;
  readonly low: number;
  readonly high: number;
  readonly mean: number;
  readonly deviation: number;
  readonly least: number;
  readonly most: number;
}

/** How the numbers are spread, around zero so that both signs have the same bins; null where there are none. */
export function histogram(values: ArrayLike<number>, bins = 61): Histogram | null {
  let [least, most, sum, squares, count] = [Infinity, -Infinity, 0, 0, 0];
  for (let place = 0; place < values.length; place++) {
    const value = values[place] ?? NaN;
    if (!Number.isFinite(value)) continue;
    count++;
    sum += value;
    squares += value * value;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (!count) return null;
  const reach = Math.max(Math.abs(least), Math.abs(most)) || 1;
  const counts = new Uint32Array(bins);
  for (let place = 0; place < values.length; place++) {
    const value = values[place] ?? NaN;
    if (!Number.isFinite(value)) continue;
    const bin = Math.min(bins - 1, Math.floor(((value + reach) / (2 * reach)) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const mean = sum / count;
  return { counts, low: -reach, high: reach, mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)), least, most };
}
