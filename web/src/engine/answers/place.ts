import { Refusal } from "../../hosts/host";
import type { Numbers } from "../../messages";

/** A weight's number in row-major order. */
export function placeIn(shape: readonly number[], index: readonly number[], parameter: string): number {
  const fits = index.length === shape.length && index.every((each, axis) => each >= 0 && each < (shape[axis] as number));
  if (!fits) throw new Refusal(`[${index.join(",")}] lies outside ${parameter} of shape (${shape.join(", ")})`);
  return index.reduce((place, each, axis) => place * (shape[axis] as number) + each, 0);
}

export const numbers = (values: readonly number[]): Numbers<Float64Array> => ({
  data: Float64Array.from(values),
  shape: [values.length],
});

export const whole = (values: readonly number[]): Numbers<Int32Array> => ({
  data: Int32Array.from(values),
  shape: [values.length],
});
