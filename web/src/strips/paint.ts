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
  for (let cell = 0; cell < width * height; cell++) put(data, cell, grey(values[cell] ?? 0, ends[0], ends[1], colours));
  return { data, width, height };
}

/** Draw pixels over an area of a canvas, hard-edged where they get larger. */
export function draw(context: CanvasRenderingContext2D, { data, width, height }: Pixels, x: number, y: number, w: number, h: number): void {
  if (width < 1 || height < 1) return;
  kept ??= document.createElement("canvas");
  if (kept.width < width) kept.width = width;
  if (kept.height < height) kept.height = height;
  kept.getContext("2d", { willReadFrequently: true })?.putImageData(new ImageData(data, width, height), 0, 0);
  context.imageSmoothingEnabled = w < width;
  context.drawImage(kept, 0, 0, width, height, x, y, w, h);
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
