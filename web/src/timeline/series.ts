import type { Metrics } from "../messages";
import { countUpTo } from "./replay";

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
  const count = countUpTo(series.steps, step);
  return count > 0 ? (series.values[count - 1] ?? null) : null;
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

/** The scores that the page tells of, each with how its values are written; those that were not logged have no series. */
export function scoresIn(metrics: Metrics | null) {
  return [
    { name: "training loss", series: seriesOf(metrics, "loss"), isHeldOut: false, write: figure },
    { name: "held-out loss", series: heldOut(metrics, "loss"), isHeldOut: true, write: figure },
    { name: "training accuracy", series: seriesOf(metrics, "accuracy"), isHeldOut: false, write: share },
    { name: "held-out accuracy", series: heldOut(metrics, "accuracy"), isHeldOut: true, write: share },
  ];
}

export const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
export const figure = (value: number): string => value.toPrecision(3);
