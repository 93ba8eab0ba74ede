import { need, pair, picture, type Layer } from "./layer";

/** Cross-correlation, as every framework calls a convolution, with zeros around the picture. */
export const conv2d: Layer = (input, parts) => {
  const weight = need(parts, "weight");
  const bias = parts.held["bias"]?.data;
  const [units = 0, channels = 1, tall = 1, wide = 1] = weight.shape;
  const stride = pair(parts, "stride", 1);
  const given = padded(input.data, picture(input), pair(parts, "padding", 0), wide);
  const [height, width] = [given.height - tall + 1, given.width - wide + 1];
  const [rows, columns] = [Math.ceil(height / stride[0]), Math.ceil(width / stride[1])];
  const data = new Float32Array(units * rows * columns);
  // Sums lie as wide apart as the padded picture, so that each tap of a kernel is one long loop over all of
  // it; a stride only picks some of them.
  const sums = new Float64Array(height * given.width);
  for (let unit = 0, tap = 0, to = 0; unit < units; unit++) {
    sums.fill(bias?.[unit] ?? 0);
    for (let channel = 0; channel < channels; channel++) {
      for (let y = 0; y < tall; y++, tap += wide) {
        add(sums, weight.data.subarray(tap, tap + wide), given.data, (channel * given.height + y) * given.width);
      }
    }
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        data[to++] = sums[row * stride[0] * given.width + column * stride[1]] as number;
      }
    }
  }
  return { data, shape: [units, rows, columns] };
};

/** Adds one row of a kernel at every place; three taps at once, the usual width, save two walks over the sums. */
function add(sums: Float64Array, taps: Float32Array, from: Float64Array, start: number): void {
  const size = sums.length;
  let tap = 0;
  for (; tap + 3 <= taps.length; tap += 3) {
    const [one, two, three] = [taps[tap] as number, taps[tap + 1] as number, taps[tap + 2] as number];
    for (let to = 0, at = start + tap; to < size; to++, at++) {
      sums[to] =
        (sums[to] as number) +
        one * (from[at] as number) +
        two * (from[at + 1] as number) +
        three * (from[at + 2] as number);
    }
  }
  for (; tap < taps.length; tap++) {
    const one = taps[tap] as number;
    for (let to = 0, at = start + tap; to < size; to++, at++) sums[to] = (sums[to] as number) + one * (from[at] as number);
  }
}

/** The picture with zeros around it, and a few behind, since the last sums of a row read beyond it. */
function padded(
  data: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  [above, beside]: readonly [number, number],
  slack: number,
): { data: Float64Array; height: number; width: number } {
  const [tall, wide] = [height + 2 * above, width + 2 * beside];
  const into = new Float64Array(channels * tall * wide + slack);
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const start = (channel * height + row) * width;
      into.set(data.subarray(start, start + width), (channel * tall + row + above) * wide + beside);
    }
  }
  return { data: into, height: tall, width: wide };
}
