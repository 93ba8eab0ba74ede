import type { Metrics } from "../messages";

export interface Series {
  readonly steps: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** A logged scalar by its name; null where it was not logged. */
export function seriesOf(metrics: Metrics | null, name: string): Series | null {
  const found = metrics?.series.find((each) => each.name === name);
  return found ? { steps: found.steps.data, values: found.values.data } : null;
}

/** The same of the held-out data: of the validation part, else of the test part. */
export const heldOut = (metrics: Metrics | null, name: string): Series | null => seriesOf(metrics, `val_${name}`) ?? seriesOf(metrics, `test_${name}`);

/** The last value up to a step; null before the first. */
export function valueAt(series: Series | null, step: number): number | null {
  if (!series) return null;
  let low = 0;
  let high = series.steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((series.steps[middle] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low > 0 ? (series.values[low - 1] ?? null) : null;
}

/** Least and most value in each of so many columns of steps; NaN where a column has none. */
export function extremes(series: Series, last: number, columns: number): { low: Float64Array; high: Float64Array } {
  const low = new Float64Array(columns).fill(NaN);
  const high = new Float64Array(columns).fill(NaN);
  for (let place = 0; place < series.steps.length; place++) {
    const value = series.values[place] ?? NaN;
    if (!Number.isFinite(value)) continue;
    const column = Math.min(columns - 1, Math.floor(((series.steps[place] ?? 0) / Math.max(1, last)) * (columns - 1)));
    if (!((low[column] ?? NaN) <= value)) low[column] = value;
    if (!((high[column] ?? NaN) >= value)) high[column] = value;
  }
  return { low, high };
}
