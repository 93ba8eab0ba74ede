import { css, type Rgb } from "../strips/colours";

/** A shape for each class, so that it is told without colours; then from the first again. */
export const SIGNS = ["●", "▲", "■", "◆", "▼"] as const;

const CORNERS: readonly (readonly (readonly [number, number])[])[] = [
  [],
  [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]],
  [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
  [[0, 1.2], [1.1, -0.8], [-1.1, -0.8]],
];

export function mark(context: CanvasRenderingContext2D, of: number, x: number, y: number, colour: Rgb, edge: Rgb, radius = 3.5): void {
  const corners = CORNERS[of % CORNERS.length] ?? [];
  context.beginPath();
  if (corners.length) for (const [right, down] of corners) context.lineTo(x + radius * right, y + radius * down);
  else context.arc(x, y, radius, 0, 2 * Math.PI);
  context.closePath();
  context.lineWidth = 1.5;
  context.strokeStyle = css(edge);
  context.fillStyle = css(colour);
  context.stroke();
  context.fill();
}

export function cross(context: CanvasRenderingContext2D, x: number, y: number, colour: Rgb, edge: Rgb): void {
  for (const [style, thick] of [[edge, 5], [colour, 2.5]] as const) {
    context.beginPath();
    context.moveTo(x - 7, y);
    context.lineTo(x + 7, y);
    context.moveTo(x, y - 7);
    context.lineTo(x, y + 7);
    context.strokeStyle = css(style);
    context.lineWidth = thick;
    context.stroke();
  }
}
