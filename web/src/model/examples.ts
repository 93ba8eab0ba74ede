import type { Examples, SubjectFacts } from "../messages";
import { sizeOf } from "./shape";

/** An example of the probe set: what the network is given, and what is right; nothing where that is unknown. */
export interface Example {
  readonly number: number;
  readonly inputs: Float32Array;
  readonly targets: Float64Array;
}

const TOGETHER = 256; // the most that may be asked for at once
const NUMBERS = 2 ** 18;

/** How many examples are fetched together: no more numbers than about a megabyte. */
export function together({ input_shape: shape }: SubjectFacts): number {
  const size = Math.max(1, sizeOf(shape));
  return Math.max(1, Math.min(TOGETHER, Math.floor(NUMBERS / size)));
}

/** The example at a place of those that were fetched; null beyond the last. */
export function exampleAt({ inputs, targets }: Examples, place: number, number: number): Example | null {
  if (place >= (inputs.shape[0] ?? 0)) return null;
  const [size, each] = [sizeOf(inputs.shape.slice(1)), targets.data.length ? sizeOf(targets.shape.slice(1)) : 0];
  return {
    number,
    inputs: inputs.data.subarray(place * size, (place + 1) * size),
    targets: targets.data.subarray(place * each, (place + 1) * each),
  };
}
