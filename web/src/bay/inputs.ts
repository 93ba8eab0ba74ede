import type { Examples, SubjectFacts } from "../messages";
import type { Pixels } from "../strips/paint";

/** How an input is given: what there is to draw, to slide, or only to choose. */
export type Kind = "picture" | "table" | "examples";

export const MOST_SLIDERS = 40;

export function kindOf(subject: SubjectFacts): Kind {
  if (pictureIn(subject)) return "picture";
  const { input_shape: shape } = subject;
  return shape.length === 1 && (shape[0] ?? 0) <= MOST_SLIDERS ? "table" : "examples";
}

export interface PictureSize {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
}

/** The input as a picture: planes by height by width, or a nameless row that fills a square; null where it is none. */
export function pictureIn({ input_shape: shape, input_names: names }: SubjectFacts): PictureSize | null {
  const [first = 0, height = 0, width = 0] = shape;
  if (shape.length === 3) return first === 1 || first === 3 ? { planes: first, height, width } : null;
  const side = Math.sqrt(first);
  return shape.length === 1 && !names.length && side >= 4 && Number.isInteger(side) ? { planes: 1, height: side, width: side } : null;
}

/** One example as plain numbers, in row-major order. */
export function exampleOf(examples: Examples | null, number: number): Float32Array | null {
  const { data, shape } = examples?.inputs ?? { data: new Float32Array(), shape: [0] };
  const size = shape.slice(1).reduce((product, each) => product * each, 1);
  return number < (shape[0] ?? 0) ? data.subarray(number * size, (number + 1) * size) : null;
}

/** Least and most of each place over all examples, or of all places together. */
export function ranges(examples: Examples, apart: boolean): { low: number; high: number }[] {
  const { data, shape } = examples.inputs;
  const size = apart ? shape.slice(1).reduce((product, each) => product * each, 1) : 1;
  const found = Array.from({ length: size }, () => ({ low: Infinity, high: -Infinity }));
  data.forEach((value, place) => {
    const range = found[place % size];
    if (!range) return;
    range.low = Math.min(range.low, value);
    range.high = Math.max(range.high, value);
  });
  return found;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Ink added around a point, or all along a stroke to another; a pixel is as dark as its nearest stroke. */
export function stroked(picture: readonly number[], width: number, from: Point, range: Range, to: Point = from): number[] {
  const reach = Math.max(1, width / 10);
  const along = { x: to.x - from.x, y: to.y - from.y };
  const length = along.x ** 2 + along.y ** 2;
  return picture.map((value, place) => {
    const off = { x: (place % width) + 0.5 - from.x, y: Math.floor(place / width) + 0.5 - from.y };
    const share = length > 0 ? Math.min(1, Math.max(0, (off.x * along.x + off.y * along.y) / length)) : 0;
    const distance = Math.hypot(off.x - share * along.x, off.y - share * along.y);
    const ink = Math.min(1, Math.max(0, 1.25 - distance / reach));
    return Math.max(value, range.low + ink * (range.high - range.low));
  });
}

/** Three planes, red, green and blue, as they are seen. */
export function colourPixels(values: ArrayLike<number>, { height, width }: PictureSize, { low, high }: Range): Pixels {
  const plane = width * height;
  const data = new Uint8ClampedArray(4 * plane).fill(255);
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let of = 0; of < 3; of++) data[4 * pixel + of] = (255 * ((values[of * plane + pixel] ?? low) - low)) / (high - low || 1);
  }
  return { data, width, height };
}

/** The classes to show: all in order, or of very many the most probable ones and the target. */
export function classesShown(shares: readonly number[], target: number | null, most = 24): number[] {
  const all = shares.map((_, number) => number);
  if (all.length <= most) return all;
  const found = all.sort((one, other) => (shares[other] ?? 0) - (shares[one] ?? 0)).slice(0, most);
  return target === null || found.includes(target) ? found : [...found.slice(0, -1), target];
}

export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const powers = values.map((each) => Math.exp(each - most));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
}
