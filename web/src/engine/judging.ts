import type { Network } from "../messages";
import type { Signal } from "./signal";

/** How wrong one example is. */
export type Loss = (outputs: Float32Array, target: Float64Array) => number;

/** −log of the softmax at the class, in nats. */
const crossEntropy: Loss = (outputs, target) => {
  const top = outputs.reduce((most, each) => Math.max(most, each), -Infinity);
  const sum = outputs.reduce((total, each) => total + Math.exp(each - top), 0);
  return Math.log(sum) + top - (outputs[target[0] ?? 0] ?? NaN);
};

const squaredError: Loss = (outputs, target) =>
  outputs.reduce((sum, each, place) => sum + (each - (target[place] ?? NaN)) ** 2, 0) / outputs.length;

export const LOSSES: Readonly<Record<NonNullable<Network["loss"]>, Loss>> = {
  cross_entropy: crossEntropy,
  mse: squaredError,
};

/** Whether the largest output, the first of equal ones, is that of the class. */
export function isRight(outputs: Signal, target: Float64Array): boolean {
  const { data } = outputs;
  const top = data.reduce((best, each, place) => (each > (data[best] as number) ? place : best), 0);
  return top === target[0];
}
