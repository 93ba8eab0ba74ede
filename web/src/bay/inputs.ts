import type { Examples, SubjectFacts } from "../messages";
import type { Pixels } from "../strips/paint";

/** How an input is given: what there is to draw, to slide, to write, or only to choose. */
export type Kind = "picture" | "table" | "tokens" | "examples";

export function kindOf(subject: SubjectFacts): Kind {
  if (subject.vocabulary !== null) return "tokens";
  if (pictureIn(subject)) return "picture";
  return subject.input_shape.length === 1 ? "table" : "examples";
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

/** Least and most number of all examples. */
export function rangeOf({ inputs }: Examples): Range {
  const known = inputs.data.filter(Number.isFinite);
  return {
    low: known.reduce((least, each) => Math.min(least, each), Infinity),
    high: known.reduce((most, each) => Math.max(most, each), -Infinity),
  };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Range {
  readonly low: number;
  readonly high: number;
}

const INKS = 255; // as many as a link keeps, see `writeOwn`

/** Ink added around a point, or all along a stroke to another; a pixel is as dark as its nearest stroke. */
export function stroked(picture: readonly number[], width: number, from: Point, range: Range, to: Point = from): number[] {
  const reach = Math.max(1, width / 10);
  const along = { x: to.x - from.x, y: to.y - from.y };
  const length = along.x ** 2 + along.y ** 2;
  return picture.map((value, place) => {
    const off = { x: (place % width) + 0.5 - from.x, y: Math.floor(place / width) + 0.5 - from.y };
    const share = length > 0 ? Math.min(1, Math.max(0, (off.x * along.x + off.y * along.y) / length)) : 0;
    const distance = Math.hypot(off.x - share * along.x, off.y - share * along.y);
    const ink = Math.round(INKS * Math.min(1, Math.max(0, 1.25 - distance / reach))) / INKS;
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

/** The columns of a table to show: the first that are called so, no more than can be looked over. */
export function columnsShown(names: readonly string[], query: string, most = 40): number[] {
  const words = query.toLowerCase().trim();
  return [...names.keys()].filter((place) => (names[place] ?? "").toLowerCase().includes(words)).slice(0, most);
}

/** How often the last token stands in a row, where that is so often that it only fills up a short text; else 1. */
export function repeatedAtEnd(names: readonly string[]): number {
  const repeated = names.length - 1 - names.findLastIndex((each) => each !== names.at(-1));
  return repeated > 3 ? repeated : 1;
}

/** A token's name with what is else not seen. */
export const visible = (name: string): string => name.replaceAll("\n", "↵").replaceAll(" ", "␣").replaceAll("\t", "⇥") || "∅";
