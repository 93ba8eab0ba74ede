import { colour, shade } from "../theme";
import { fill } from "./fill";
import type { Frame } from "./frame";
import { Marks } from "./marks";
import { Shades } from "./shades";
import type { Sheet } from "./sheet";
import { cellOf, FINEST, type Place, type Weight } from "./tile";
import type { View } from "./view";

/** The colours of the page that a matrix is drawn with. */
export interface Look {
  readonly shades: Shades;
  readonly accent: string;
  readonly ink: string;
  readonly panel: string;
}

export function lookOf(at: HTMLElement): Look {
  const [positive, negative, neutral, ink] = [shade(at, "positive"), shade(at, "negative"), shade(at, "neutral"), shade(at, "ink")];
  const shades = new Shades({ positive, negative, neutral, ink });
  return { shades, accent: colour(at, "accent"), ink: colour(at, "ink"), panel: colour(at, "panel") };
}

/** All that is seen of a matrix at a moment. */
export interface Picture {
  readonly sheet: Sheet;
  readonly view: View;
  readonly frame: Frame;
  readonly ratio: number; // of the screen's pixels to the page's
  readonly look: Look;
  readonly unit: number | null;
  readonly chosen: Weight | null;
  readonly pointed: Place | null;
}

export function draw(canvas: HTMLCanvasElement, { sheet, view, frame, ratio, look, unit, chosen, pointed }: Picture): void {
  const context = canvas.getContext("2d");
  const [across, down] = [frame.columns.length, frame.rows.length];
  if (!context || !across || !down) return;
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  const image = context.createImageData(across, down);
  fill(new Uint32Array(image.data.buffer), frame, (place) => sheet.known(place), look.shades.of);
  context.putImageData(image, 0, 0);
  const marks = new Marks(context, { ...view, across: view.across * ratio, down: view.down * ratio }, ratio, look.panel);
  const { rows, columns } = sheet.source;
  if (unit !== null && rows > 1) marks.row(unit, columns, look.accent);
  if (chosen) marks.cell(cellOf(FINEST, chosen.row, chosen.column), look.accent);
  if (pointed) marks.cell(pointed, look.ink);
}
