import { mixed, type Colours, type Rgb } from "../../strips/colours";
import type { Tile } from "./tile";

const STEPS = 255;

/** Turns weights into colours: blue above 0 and orange below, the more the farther away; what is no number is ink. */
export class Shades {
  readonly #positive: Uint32Array;
  readonly #negative: Uint32Array;
  readonly #ink: number;
  #known = new WeakMap<Tile, Uint32Array>();

  constructor({ positive, negative, neutral, ink }: Pick<Colours, "positive" | "negative" | "neutral" | "ink">) {
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

const between = (from: Rgb, to: Rgb): Uint32Array => Uint32Array.from({ length: STEPS + 1 }, (_, step) => packed(mixed(from, to, step / STEPS)));

/** As a canvas has it in memory, red first. */
function packed([red, green, blue]: Rgb): number {
  return new Uint32Array(Uint8ClampedArray.of(red, green, blue, 255).buffer)[0] as number;
}
