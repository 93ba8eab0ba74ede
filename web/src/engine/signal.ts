import type { Numbers } from "../messages";

/** What runs through the network: the numbers of one example, without the axis of examples. */
export type Signal = Numbers<Float32Array>;

/** Weights by the name of their parameter. */
export type Weights = ReadonlyMap<string, Signal>;

/** Each number changed on its own. */
export function each(input: Signal, change: (value: number) => number): Signal {
  return { data: input.data.map(change), shape: input.shape };
}
