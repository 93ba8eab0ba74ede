import { css, type Colours } from "../../strips/colours";
import { fill } from "./fill";
import type { Frame } from "./frame";
import { Marks } from "./marks";
import type { Shades } from "./shades";
import type { Sheet } from "./sheet";
import { cellOf, FINEST, type Place, type Weight } from "./tile";
import type { View } from "./view";

/** The colours of the page that a matrix is drawn with. */
export interface Look {
  readonly shades: Shades;
  readonly colours: Colours;
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
  const { colours, shades } = look;
  const [across, down] = [frame.columns.length, frame.rows.length];
  if (!context || !across || !down) return;
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  const image = context.createImageData(across, down);
  fill(new Uint32Array(image.data.buffer), frame, (place) => sheet.known(place), shades.of);
  context.putImageData(image, 0, 0);
  const marks = new Marks(context, { ...view, across: view.across * ratio, down: view.down * ratio }, ratio, css(colours.panel));
  const { rows, columns } = sheet.source;
  if (unit !== null && rows > 1) marks.row(unit, columns, css(colours.accent));
  if (chosen) marks.cell(cellOf(FINEST, chosen.row, chosen.column), css(colours.accent));
  if (pointed) marks.cell(pointed, css(colours.ink));
}
