import { need, type Layer } from "./layer";

/** Each unit: the weighted sum of the last axis, and its bias. */
export const linear: Layer = (input, parts) => {
  const weight = need(parts, "weight");
  const bias = parts.held["bias"]?.data;
  const [units = 0, fanIn = 1] = weight.shape;
  const rows = input.data.length / fanIn;
  const data = new Float32Array(rows * units);
  for (let row = 0; row < rows; row++) {
    for (let unit = 0; unit < units; unit++) {
      let sum = bias?.[unit] ?? 0;
      for (let from = 0; from < fanIn; from++) {
        sum += (weight.data[unit * fanIn + from] as number) * (input.data[row * fanIn + from] as number);
      }
      data[row * units + unit] = sum;
    }
  }
  return { data, shape: [...input.shape.slice(0, -1), units] };
};
