import type { Heard } from "../messages";
import type { Layer } from "../model/layers";

/** What the units of a layer do on an input: a number each, or a map each. */
export interface Answers {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array; // unit by unit
  readonly ends: readonly [least: number, most: number];
  readonly levels: Float32Array; // how much each does, between 0 and the most of the layer
  readonly most: number;
}

export function answersOf(heard: Heard | null, layer: Layer): Answers | null {
  const found = heard?.layers.find(({ module }) => module === layer.name)?.values;
  if (!found) return null;
  const { shape } = found;
  const byUnit = shape[0] === layer.units;
  if (!byUnit && shape.at(-1) !== layer.units) return null;
  const each = found.data.length / layer.units;
  const data = byUnit ? found.data : turnedOver(found.data, layer.units, each);
  const width = byUnit && shape.length > 1 ? (shape.at(-1) ?? 1) : byUnit ? 1 : each;
  const levels = new Float32Array(layer.units);
  let [least, most] = [Infinity, -Infinity];
  for (let place = 0; place < data.length; place++) {
    const value = data[place] ?? 0;
    const unit = Math.floor(place / each);
    levels[unit] = Math.max(levels[unit] ?? 0, Math.abs(value));
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return { width, height: each / width, data, ends: [least, most], levels, most: largest(levels) };
}

export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let place = 0; place < values.length; place++) most = Math.max(most, Math.abs(values[place] ?? 0));
  return most;
}

/** Of each unit the root of the sum of its squared weights. */
export function norms(weights: ArrayLike<number>, units: number, fanIn: number): Float32Array {
  return Float32Array.from({ length: units }, (_, unit) => {
    let sum = 0;
    for (let place = unit * fanIn; place < (unit + 1) * fanIn; place++) sum += (weights[place] ?? 0) ** 2;
    return Math.sqrt(sum);
  });
}

/** The units from the most to the least; as they are where nothing is known. */
export function sorted(units: number, by: ArrayLike<number> | null): Int32Array {
  const order = Int32Array.from({ length: units }, (_, unit) => unit);
  return by ? order.sort((one, other) => (by[other] ?? 0) - (by[one] ?? 0) || one - other) : order;
}

function turnedOver(data: Float32Array, units: number, each: number): Float32Array {
  const found = new Float32Array(data.length);
  for (let unit = 0; unit < units; unit++)
    for (let place = 0; place < each; place++) found[unit * each + place] = data[place * units + unit] ?? 0;
  return found;
}
