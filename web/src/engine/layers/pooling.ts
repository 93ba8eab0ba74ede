import type { Signal } from "../signal";
import { first, pair, picture, type Layer, type Parts } from "./layer";

interface Window {
  readonly low: number;
  readonly high: number;
  /** How many places the window has, padding included. */
  readonly full: number;
}

/** The windows along one axis, cut to the picture. */
function windows(size: number, kernel: number, stride: number, padding: number): Window[] {
  const count = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return Array.from({ length: count }, (_, place) => {
    const start = place * stride - padding;
    const end = Math.min(start + kernel, size + padding);
    return { low: Math.max(0, start), high: Math.min(end, size), full: end - start };
  });
}

type Gather = (input: Signal, base: number, width: number, rows: Window, columns: Window) => number;

function pooled(input: Signal, parts: Parts, gather: Gather): Signal {
  const [channels, height, width] = picture(input);
  const [tall, wide] = pair(parts, "kernel", 2);
  const [down, right] = pair(parts, "stride", tall);
  const [above, beside] = pair(parts, "padding", 0);
  const rows = windows(height, tall, down, above);
  const columns = windows(width, wide, right, beside);
  const data = new Float32Array(channels * rows.length * columns.length);
  let place = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (const row of rows) {
      for (const column of columns) data[place++] = gather(input, channel * height * width, width, row, column);
    }
  }
  return { data, shape: [channels, rows.length, columns.length] };
}

const largest: Gather = (input, base, width, rows, columns) => {
  let found = -Infinity;
  for (let y = rows.low; y < rows.high; y++) {
    for (let x = columns.low; x < columns.high; x++) {
      const value = input.data[base + y * width + x] as number;
      if (value > found || Number.isNaN(value)) found = value; // NaN wins, as in torch
      if (Number.isNaN(found)) return found;
    }
  }
  return found;
};

const sum: Gather = (input, base, width, rows, columns) => {
  let found = 0;
  for (let y = rows.low; y < rows.high; y++) {
    for (let x = columns.low; x < columns.high; x++) found += input.data[base + y * width + x] as number;
  }
  return found;
};

export const maxPool: Layer = (input, parts) => pooled(input, parts, largest);

export const avgPool: Layer = (input, parts) => {
  const whole = first(parts, "counts_padding", 1) !== 0;
  return pooled(input, parts, (given, base, width, rows, columns) => {
    const seen = (rows.high - rows.low) * (columns.high - columns.low);
    return sum(given, base, width, rows, columns) / (whole ? rows.full * columns.full : seen);
  });
};
