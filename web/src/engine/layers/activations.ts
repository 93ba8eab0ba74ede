import { each } from "../signal";
import { first, type Layer } from "./layer";
import { normalShare } from "./normalshare";

export const relu: Layer = (input) => each(input, (value) => (value < 0 ? 0 : value)); // keeps NaN
export const tanh: Layer = (input) => each(input, Math.tanh);
export const sigmoid: Layer = (input) => each(input, (value) => 1 / (1 + Math.exp(-value)));

export const leakyRelu: Layer = (input, parts) => {
  const slope = first(parts, "slope", 0.01);
  return each(input, (value) => (value < 0 ? value * slope : value));
};

/** Hendrycks and Gimpel 2016: exact, or by their formula with tanh. */
export const gelu: Layer = (input, parts) => {
  if (!first(parts, "by_tanh", 0)) return each(input, (value) => value * normalShare(value));
  const inner = (value: number): number => Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3);
  return each(input, (value) => 0.5 * value * (1 + Math.tanh(inner(value))));
};
