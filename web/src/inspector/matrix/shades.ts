import type { Shade } from "../theme";
import type { Tile } from "./tile";

export interface Palette {
  readonly positive: Shade;
  readonly negative: Shade;
  readonly neutral: Shade;
  readonly ink: Shade;
}

const STEPS = 255;

/** Turns weights into colours: blue above 0 and orange below, the more the farther away; what is no number is ink. */
export class Shades {
  readonly #positive: Uint32Array;
  readonly #negative: Uint32Array;
  readonly #ink: number;
  #known = new WeakMap<Tile, Uint32Array>();

  constructor({ positive, negative, neutral, ink }: Palette) {
    this.#positive = between(neutral, positive);
    this.#negative = between(neutral, negative);
    this.#ink = packed(ink);
  }

  /** The colour of each cell, as the four bytes of a pixel. */
  of = (tile: Tile): Uint32Array => {
    const known = this.#known.get(tile);
    if (known) return known;
    const made = Uint32Array.from(tile.values, (value) => this.#one(value, tile.most));
    this.#known.set(tile, made);
    return made;
  };

  #one(value: number, most: number): number {
    if (Number.isNaN(value)) return this.#ink;
    const share = Math.min(1, Math.abs(value) / (most || 1));
    // by the root, so that small ones are seen as well
    return (value < 0 ? this.#negative : this.#positive)[Math.round(Math.sqrt(share) * STEPS)] as number;
  }
}

function between(from: Shade, to: Shade): Uint32Array {
  const part = (axis: 0 | 1 | 2, share: number): number => from[axis] + (to[axis] - from[axis]) * share;
  return Uint32Array.from({ length: STEPS + 1 }, (_, step) => packed([0, 1, 2].map((axis) => part(axis as 0 | 1 | 2, step / STEPS)) as unknown as Shade));
}

/** As a canvas has it in memory, red first. */
function packed([red, green, blue]: Shade): number {
  return new Uint32Array(Uint8ClampedArray.of(red, green, blue, 255).buffer)[0] as number;
}
