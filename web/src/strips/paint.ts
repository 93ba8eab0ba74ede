import { grey, signed, type Colours, type Rgb } from "./colours";
import { cellOf, heightOf, widthOf, type Picture } from "./picture";

/** Red, green, blue and opacity of each cell of a picture, in rows. */
export interface Pixels {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** The weights of a unit; what is between its tiles stays transparent. */
export function weightPixels(weights: ArrayLike<number>, start: number, of: Picture, most: number, colours: Colours): Pixels {
  const width = widthOf(of);
  const height = heightOf(of);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let within = 0; within < of.size; within++) {
    const { x, y } = cellOf(within, of);
    put(data, y * width + x, signed(weights[start + within] ?? 0, most, colours));
  }
  return { data, width, height };
}

/** A map of what a unit does, grey between the least and the most of its layer. */
export function mapPixels(values: ArrayLike<number>, width: number, height: number, ends: readonly [number, number], colours: Colours): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  const pixels = new Uint32Array(data.buffer);
  const greys = greysOf(colours);
  const [least, scale] = [ends[0], ends[1] > ends[0] ? 255 / (ends[1] - ends[0]) : 0];
  for (let cell = 0; cell < pixels.length; cell++) {
    const level = ((values[cell] ?? 0) - least) * scale;
    pixels[cell] = greys[Number.isFinite(level) ? Math.min(255, Math.max(0, Math.round(level))) : 0] ?? 0;
  }
  return { data, width, height };
}

const GREYS = new WeakMap<Colours, Uint32Array>();

/** The 256 levels that a screen tells apart, as they lie in memory. */
function greysOf(colours: Colours): Uint32Array {
  const known = GREYS.get(colours);
  if (known) return known;
  const data = new Uint8ClampedArray(4 * 256);
  for (let level = 0; level < 256; level++) put(data, level, grey(level, 0, 255, colours));
  const found = new Uint32Array(data.buffer);
  GREYS.set(colours, found);
  return found;
}

/** Pixels with the area of a canvas that they are drawn over. */
export interface Drawn {
  readonly pixels: Pixels;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const TALLEST = 4096; // points of a canvas that every browser gives

/** Draw pictures, hard-edged where they get larger; many at once, as each change between putting and drawing costs a copy. */
export function draw(context: CanvasRenderingContext2D, ...pictures: readonly Drawn[]): void {
  const shown = pictures.filter(({ pixels: { width, height } }) => width > 0 && height > 0);
  const wide = Math.max(0, ...shown.map(({ pixels }) => pixels.width));
  const high = Math.max(1, ...shown.map(({ pixels }) => pixels.height));
  const down = Math.max(1, Math.floor(TALLEST / high));
  const placed = shown.map((each, at) => ({ ...each, left: Math.floor(at / down) * wide, top: (at % down) * high }));
  kept ??= document.createElement("canvas");
  kept.width = Math.ceil(shown.length / down) * wide; // anew, so that what was drawn from it need not be copied
  kept.height = Math.min(shown.length, down) * high;
  const sheet = kept.getContext("2d", { willReadFrequently: true });
  for (const { pixels, left, top } of placed) sheet?.putImageData(new ImageData(pixels.data, pixels.width, pixels.height), left, top);
  for (const { pixels: { width, height }, left, top, x, y, w, h } of placed) {
    context.imageSmoothingEnabled = w < width;
    context.drawImage(kept, left, top, width, height, x, y, w, h);
  }
}

/** Of a canvas with as many points as its place on the screen has; null where the browser gives none. */
export function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D | null {
  const ratio = globalThis.devicePixelRatio || 1;
  const [points, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== points) canvas.width = points;
  if (canvas.height !== rows) canvas.height = rows;
  const context = canvas.getContext("2d");
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

let kept: HTMLCanvasElement | undefined;

function put(data: Uint8ClampedArray, cell: number, [red, green, blue]: Rgb): void {
  data[4 * cell] = red;
  data[4 * cell + 1] = green;
  data[4 * cell + 2] = blue;
  data[4 * cell + 3] = 255;
}
