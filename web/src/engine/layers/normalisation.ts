import { sizeOf } from "../../model/shape";
import type { Signal } from "../signal";
import { first, need, type Layer, type Parts } from "./layer";

/** Scale and shift, where the layer has them. */
function tuned(parts: Parts, place: number, value: number): number {
  return value * (parts.held["weight"]?.data[place] ?? 1) + (parts.held["bias"]?.data[place] ?? 0);
}

/** In evaluation mode: with mean and variance as measured in training, one of each a channel. */
export const batchNorm: Layer = (input, parts): Signal => {
  const [mean, variance] = [need(parts, "running_mean").data, need(parts, "running_var").data];
  const eps = first(parts, "eps", 1e-5);
  const each = input.data.length / mean.length;
  const data = input.data.map((value, place) => {
    const channel = Math.floor(place / each);
    const spread = Math.sqrt((variance[channel] as number) + eps);
    return tuned(parts, channel, (value - (mean[channel] as number)) / spread);
  });
  return { data, shape: input.shape };
};

/** Mean and variance over the last axes of the example itself. */
export const layerNorm: Layer = (input, parts): Signal => {
  const size = sizeOf(input.shape.slice(-first(parts, "axes", 1)));
  const eps = first(parts, "eps", 1e-5);
  const data = new Float32Array(input.data.length);
  for (let start = 0; start < data.length; start += size) {
    const row = input.data.subarray(start, start + size);
    const mean = row.reduce((sum, value) => sum + value, 0) / size;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    const spread = Math.sqrt(variance + eps);
    row.forEach((value, place) => (data[start + place] = tuned(parts, place, (value - mean) / spread)));
  }
  return { data, shape: input.shape };
};
