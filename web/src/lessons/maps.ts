import { grey, signed, type Colours, type Rgb } from "../strips/colours";
import type { Pixels } from "../strips/paint";

/** Losses of the first weight (rows) by the second as a picture: first to the right, second upwards, high is dark. */
export function lossPixels(losses: ArrayLike<number>, first: number, second: number, colours: Colours): Pixels {
  const logs = Array.from(losses, (each) => Math.log(Math.max(each, 1e-12)));
  const known = logs.filter(Number.isFinite);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const end = least + (most - least) / 0.6; // not all of the way to ink, for paths are drawn on it
  return pixels(first, second, (x, y) => {
    const value = logs[x * second + y] ?? NaN;
    return grey(Number.isFinite(value) ? value : most, least, end, colours);
  });
}

/** Values of a plane, `y` by `x`, with y upwards: blue above zero, orange below. */
export function signPixels(values: ArrayLike<number>, width: number, height: number, most: number, colours: Colours): Pixels {
  return pixels(width, height, (x, y) => signed(values[y * width + x] ?? 0, most, colours));
}

/** One of the maps of an answer whose last axis is the outputs. */
export function mapOf(values: ArrayLike<number>, outputs: number, which: number): Float32Array {
  return Float32Array.from({ length: values.length / outputs }, (_, at) => values[at * outputs + which] ?? 0);
}

/** From the units of an axis, whose outermost cells are centred on its ends, to points on the screen. */
export function across(value: number, axis: ArrayLike<number>, size: number): number {
  const [low, high] = ends(axis);
  const cell = size / axis.length;
  const place = ((value - low) / (high - low || 1)) * (size - cell) + cell / 2;
  return Math.min(size, Math.max(0, place));
}

/** And back. */
export function along(place: number, axis: ArrayLike<number>, size: number): number {
  const [low, high] = ends(axis);
  const cell = size / axis.length;
  const share = (place - cell / 2) / (size - cell || 1);
  return low + Math.min(1, Math.max(0, share)) * (high - low);
}

/** The number of the point of an axis that is nearest to a value. */
export function nearest(value: number, axis: ArrayLike<number>): number {
  const [low, high] = ends(axis);
  const at = Math.round(((value - low) / (high - low || 1)) * (axis.length - 1));
  return Math.min(axis.length - 1, Math.max(0, at));
}

const ends = (axis: ArrayLike<number>): [number, number] => [axis[0] ?? 0, axis[axis.length - 1] ?? 0];

function pixels(width: number, height: number, colour: (x: number, y: number) => Rgb): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) data.set([...colour(x, y), 255], 4 * ((height - 1 - y) * width + x));
  return { data, width, height };
}
