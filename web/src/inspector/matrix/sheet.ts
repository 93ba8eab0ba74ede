import { Refusal } from "../../hosts/host";
import { cellOf, nameOf, tileOf, valueAt, within, type Level, type Place, type Source, type Tile } from "./tile";

const MOST = 64; // tiles that are kept

/** The tiles of one matrix that have come, and those that are under way. */
export class Sheet {
  refused: string | null = null;
  #wanted = new Map<string, Place>();
  #tiles = new Map<string, Tile>();
  #levels = new Map<string, Level>(); // from coarse to fine
  #asking = new Map<string, AbortController>();

  constructor(
    readonly source: Source,
    private readonly changed: () => void,
  ) {}

  /** Get these; what else is under way is not waited for any longer. */
  want(places: readonly Place[]): void {
    this.#wanted = new Map(places.map((place) => [nameOf(place), place]));
    for (const [name, asking] of this.#asking) {
      if (this.#wanted.has(name)) continue;
      this.#asking.delete(name);
      asking.abort();
    }
    for (const [name, place] of this.#wanted) if (!this.#tiles.has(name) && !this.#asking.has(name)) this.#ask(name, place);
  }

  /** Whether all that is wanted is there, or never will be. */
  get isSettled(): boolean {
    return this.refused !== null || [...this.#wanted.keys()].every((name) => this.#tiles.has(name));
  }

  /** How far a weight of the matrix is from 0 at most; null until a tile has come. */
  get most(): number | null {
    return this.#tiles.values().next().value?.most ?? null;
  }

  /** The tile, or until it has come the finest that covers it. */
  known(place: Place): Tile | null {
    let found = this.#tiles.get(nameOf(place)) ?? null;
    if (found) return found;
    for (const level of this.#levels.values()) {
      if (level.down < place.down || level.across < place.across) continue;
      found = this.#tiles.get(nameOf(within(level, place))) ?? found;
    }
    return found;
  }

  /** What is shown of a weight at a level: a cell, and the value of that. */
  cell(level: Level, row: number, column: number): { cell: Place; value: number } | null {
    const tile = this.known(tileOf(level, row, column));
    const cell = tile && cellOf(tile, row, column);
    return cell && { cell, value: valueAt(tile, cell) };
  }

  #ask(name: string, place: Place): void {
    const asking = new AbortController();
    const found = this.source.tile(place, asking.signal);
    if (!(found instanceof Promise)) return this.#take(name, found);
    this.#asking.set(name, asking);
    found.then(
      (tile) => !asking.signal.aborted && this.#take(name, tile),
      (reason: unknown) => !asking.signal.aborted && this.#fail(name, place, reason),
    );
  }

  #take(name: string, tile: Tile): void {
    this.#asking.delete(name);
    this.#tiles.set(name, tile);
    this.#note(tile);
    this.refused = null;
    for (const [old, each] of this.#tiles) {
      if (this.#tiles.size <= MOST) break;
      // the coarse ones are few, and stand in for all others
      if (!this.#wanted.has(old) && each.down + each.across <= tile.down + tile.across) this.#tiles.delete(old);
    }
    this.changed();
  }

  #note({ down, across }: Level): void {
    const levels = [...this.#levels.values(), { down, across }].sort((one, other) => other.down + other.across - one.down - one.across);
    this.#levels = new Map(levels.map((level) => [`${level.down} ${level.across}`, level]));
  }

  #fail(name: string, place: Place, reason: unknown): void {
    this.#asking.delete(name);
    // the same tile was given up just before it was asked for again
    if (reason instanceof DOMException && reason.name === "AbortError") return this.#ask(name, place);
    this.refused = reason instanceof Refusal ? reason.message : "no answer: the connection is gone";
    this.changed();
  }
}
