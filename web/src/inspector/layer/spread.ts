import type { Spread } from "../../messages";
import { plain } from "../figures";

/** A band of values, and how many weights lay in it at each step. */
export interface Band {
  readonly name: string;
  readonly side: -1 | 0 | 1; // around zero: 0
  readonly counts: Float64Array;
}

export interface Bands {
  readonly bands: readonly Band[]; // from the top of the picture
  readonly totals: Float64Array; // finite weights at each step
  readonly reach: number; // the end of the outermost bands
}

const OCTAVES = 12; // of magnitude; what is smaller is one band around zero
const ONE = 128; // the bin that begins at 1, see weightdesk/statistics/histogram.py

/** The recorded bins, each a sign and a power of two, as bands: the positive ones, those around zero, the negative ones. */
export function bandsOf({ steps, bins, counts }: Spread): Bands | null {
  const codes = Array.from(bins.data);
  const columns = steps.data.length;
  const highest = Math.max(...codes.map(Math.abs));
  if (!columns || !(highest > 0)) return null;
  const lowest = Math.max(Math.min(...codes.filter(Boolean).map(Math.abs)), highest - OCTAVES + 1);
  const totals = new Float64Array(columns);
  const found = new Map<number, Float64Array>();
  for (const code of span(lowest, highest)) found.set(code, new Float64Array(columns));
  codes.forEach((code, place) => {
    const band = found.get(Math.abs(code) < lowest ? 0 : code);
    for (let column = 0; column < columns; column++) {
      const count = counts.data[column * codes.length + place] ?? 0;
      if (band) band[column] = (band[column] ?? 0) + count;
      totals[column] = (totals[column] ?? 0) + count;
    }
  });
  const bands = [...found].map(([code, counts]) => ({ name: named(code, lowest), side: Math.sign(code) as -1 | 0 | 1, counts }));
  return { bands, totals, reach: 2 ** (highest - ONE + 1) };
}

/** Of two neighbouring steps the middle is where the column of one ends and that of the other begins. */
export function edges(steps: ArrayLike<number>): number[] {
  const all = Array.from(steps);
  return [0, ...all.slice(1).map((step, place) => (step + (all[place] ?? 0)) / 2), all.at(-1) ?? 0];
}

const span = (lowest: number, highest: number): number[] => {
  const sizes = Array.from({ length: highest - lowest + 1 }, (_, place) => highest - place);
  return [...sizes, 0, ...sizes.reverse().map((each) => -each)];
};

function named(code: number, lowest: number): string {
  const end = (magnitude: number): string => plain(2 ** (magnitude - ONE), 3);
  if (code === 0) return `smaller than ${end(lowest)}, or 0`;
  const [near, far, sign] = [end(Math.abs(code)), end(Math.abs(code) + 1), code < 0 ? "−" : "+"];
  return code < 0 ? `${sign}${far} to ${sign}${near}` : `${sign}${near} to ${sign}${far}`;
}
