import { Sheet } from "./sheet";
import type { Place, Source } from "./tile";

/** What is shown of a matrix that changes: one of them whole, until all that is seen of the next has come. */
export class Sheets {
  shown = $state.raw<Sheet | null>(null);
  busy = $state(false);
  /** Counts the tiles that came; whoever draws them reads it. */
  changes = $state(0);
  #places: readonly Place[] = [];
  #coming: Sheet | null = null;
  #later: Source | null = null; // the newest; those between are left out

  want(source: Source, places: readonly Place[]): void {
    this.#places = places;
    const shown = (this.shown ??= this.#made(source));
    if (source === shown.source) {
      this.#coming?.want([]);
      this.#coming = this.#later = null;
    } else if (this.#coming) this.#later = source === this.#coming.source ? null : source;
    else {
      shown.want([]);
      this.#coming = this.#made(source);
    }
    (this.#coming ?? shown).want(places);
    this.#turn();
  }

  /** Ask for nothing any longer. */
  close(): void {
    this.shown?.want([]);
    this.#coming?.want([]);
  }

  #turn(): void {
    while (this.#coming?.isSettled) {
      this.shown = this.#coming;
      this.#coming = this.#later && this.#made(this.#later);
      this.#later = null;
      this.#coming?.want(this.#places);
    }
    this.busy = this.#coming !== null || this.shown?.isSettled === false;
    this.changes++;
  }

  #made(source: Source): Sheet {
    return new Sheet(source, () => this.#turn());
  }
}
