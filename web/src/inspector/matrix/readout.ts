import { indexOf } from "../../model/layers";
import { plain, signed } from "../figures";
import type { Level, Place, Source } from "./tile";

/** A cell by the weights that it stands for: one by its index, several as ranges. */
export function weightsOf(cell: Place, { rows, columns }: Pick<Source, "rows" | "columns">, shape: readonly number[]): string {
  if (cell.down + cell.across === 0) return `[${indexOf(cell.row * columns + cell.column, shape).join(", ")}]`;
  const [down, across] = [range(cell.row, cell.down, rows), range(cell.column, cell.across, columns)];
  if (shape.length < 2) return `[${across}]`;
  return shape.length === 2 ? `[${down}, ${across}]` : `unit ${down}, its weights ${across}`;
}

/** A weight as the readout tells it; one that is no number is named. */
export const told = (value: number): string => (Number.isNaN(value) ? "NaN" : signed(value));

/** What a cell of the picture shows. */
export const cellIs = ({ down, across }: Level): string =>
  down + across === 0 ? "a cell is a weight" : `farthest from 0 of ${plain(2 ** down)} × ${plain(2 ** across)} weights`;

function range(cell: number, halvings: number, size: number): string {
  const from = cell * 2 ** halvings;
  const to = Math.min(size, from + 2 ** halvings) - 1;
  return from === to ? `${from}` : `${from}…${to}`;
}
