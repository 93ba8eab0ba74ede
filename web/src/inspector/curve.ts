import { scaleLinear, type ScaleLinear } from "d3-scale";
import type { Swept as Answer } from "../messages";

/** The loss over the values of one weight. */
export interface Swept {
  readonly values: ArrayLike<number>;
  readonly losses: ArrayLike<number>;
  readonly errors: ArrayLike<number> | null; // half widths of the band in which the loss lies
  readonly present: number;
  readonly loss: number; // at the present value
  readonly slope: number | null;
  readonly lowest: { readonly value: number; readonly loss: number } | null;
}

export function sweptOf({ values, losses, errors, present, lowest }: Answer): Swept {
  const [value = NaN, loss = NaN, slope = NaN] = present.data;
  const [low, least] = lowest.data;
  return {
    values: values.data,
    losses: losses.data,
    errors: errors.data.some((each) => each > 0) ? errors.data : null,
    present: value,
    loss,
    slope: Number.isFinite(slope) ? slope : null,
    lowest: low === undefined || least === undefined ? null : { value: low, loss: least },
  };
}

const EDGE = 8; // room for a mark at either end

export interface Scales {
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
}

export function scalesOf(swept: Swept, width: number, height: number): Scales {
  const values = Array.from(swept.values);
  const around = [...Array.from(swept.losses), swept.loss, swept.lowest?.loss ?? swept.loss].filter(Number.isFinite);
  const [low, high] = [Math.min(...around), Math.max(...around)];
  const room = (high - low) * 0.08 || 1e-6;
  return {
    x: scaleLinear([Math.min(...values), Math.max(...values)], [EDGE, width - EDGE]),
    y: scaleLinear([low - room, high + room], [height, 0]),
  };
}

/** The points as a path; where a loss is not finite there is a gap. */
export function path(swept: Swept, { x, y }: Scales): string {
  let pen = "M";
  return Array.from(swept.values, (value, place) => {
    const loss = swept.losses[place] ?? NaN;
    if (!Number.isFinite(loss)) {
      pen = "M";
      return "";
    }
    const piece = `${pen}${x(value).toFixed(1)},${y(loss).toFixed(1)}`;
    pen = "L";
    return piece;
  }).join("");
}

export function band(swept: Swept, { x, y }: Scales): string {
  const { errors, losses } = swept;
  if (!errors) return "";
  const edge = (direction: 1 | -1): string[] =>
    Array.from(swept.values, (value, place) => [value, (losses[place] ?? NaN) + direction * (errors[place] ?? 0)] as const)
      .filter(([, loss]) => Number.isFinite(loss))
      .map(([value, loss]) => `${x(value).toFixed(1)},${y(loss).toFixed(1)}`);
  return `M${[...edge(1), ...edge(-1).reverse()].join("L")}Z`;
}

/** The straight line that the slope at the present value foretells. */
export function tangent(swept: Swept, { x, y }: Scales): string | null {
  if (swept.slope === null) return null;
  const [left = 0, right = 0] = x.domain();
  const end = (value: number): string => `${x(value).toFixed(1)},${y(swept.loss + (swept.slope ?? 0) * (value - swept.present)).toFixed(1)}`;
  return `M${end(left)}L${end(right)}`;
}

/** The number of the value next to one. */
export function nearest(values: ArrayLike<number>, value: number): number {
  let best = 0;
  for (let place = 1; place < values.length; place++)
    if (Math.abs((values[place] ?? 0) - value) < Math.abs((values[best] ?? 0) - value)) best = place;
  return best;
}
