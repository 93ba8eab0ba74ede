import { Refusal } from "../../hosts/host";
import type { Examples, ExamplesQuestion, Numbers } from "../../messages";
import type { Rig } from "../rig";
import { sizeOf } from "../../model/shape";

/** Some of the examples in the file. */
export function examples(rig: Rig, { start = 0, count = 64 }: ExamplesQuestion): Examples {
  const { inputs, targets, total } = rig.examples;
  if (start >= (inputs.shape[0] ?? 0)) throw new Refusal(`only the first ${inputs.shape[0]} examples are in this file`);
  return { inputs: rows(inputs, start, start + count), targets: rows(targets, start, start + count), total };
}

/** Rows of an array; a view of it. */
export function rows<T extends Float32Array | Float64Array>(from: Numbers<T>, start: number, stop: number): Numbers<T> {
  const [all = 0, ...each] = from.shape;
  const size = sizeOf(each);
  const end = Math.min(stop, all);
  return { data: from.data.subarray(start * size, end * size) as T, shape: [Math.max(0, end - start), ...each] };
}
