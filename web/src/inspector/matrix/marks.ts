import type { Place } from "./tile";
import type { View } from "./view";

const LEAST = 6; // pixels of a mark, however small what it marks is
const NOTCH = 5;

/** Draws outlines over a picture, in a colour and, so that they are seen on each, with a rim of another. */
export class Marks {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly view: View, // in the canvas's own pixels
    private readonly ratio: number,
    private readonly rim: string,
  ) {}

  /** Around a cell, or a weight. */
  cell({ row, column, down, across }: Place, colour: string): void {
    const { view, context, ratio } = this;
    const [x, width] = this.#stretch(column * 2 ** across - view.left, 2 ** across, view.across);
    const [y, height] = this.#stretch(row * 2 ** down - view.top, 2 ** down, view.down);
    for (const [line, style] of [[4, this.rim], [2, colour]] as const) {
      context.lineWidth = line * ratio;
      context.strokeStyle = style;
      context.strokeRect(x, y, width, height);
    }
  }

  /** At both ends of a row, where they are in sight. */
  row(row: number, columns: number, colour: string): void {
    const { context, ratio, view } = this;
    const [y, height] = this.#stretch(row - view.top, 1, view.down);
    const end = Math.min(context.canvas.width, (columns - view.left) * view.across);
    for (const x of [0, end - NOTCH * ratio]) {
      context.fillStyle = this.rim;
      context.fillRect(x - ratio, y - ratio, (NOTCH + 2) * ratio, height + 2 * ratio);
      context.fillStyle = colour;
      context.fillRect(x, y, NOTCH * ratio, height);
    }
  }

  #stretch(start: number, size: number, scale: number): [number, number] {
    const least = Math.max(size * scale, LEAST * this.ratio);
    return [start * scale - (least - size * scale) / 2, least];
  }
}
