import { untrack } from "svelte";
import { SvelteSet } from "svelte/reactivity";
import { concerningUnit, isLarge } from "../model/large";
import { Latest } from "../model/latest";
import type { Desk } from "../model/desk.svelte";
import type { Layer } from "../model/layers";
import type { Turns } from "../model/mix";
import { largest } from "./answers";

/** The weights of a unit, with the turns and without them. */
export interface Row {
  readonly turned: Float32Array;
  readonly plain: Float32Array;
}

interface Found {
  readonly layer: Layer;
  readonly rows: ReadonlyMap<number, Row>;
}

/** The units in view of a layer that is too large to be fetched whole; what was in view is kept by the host alone. */
export class Rows {
  #found = $state.raw<Found | null>(null);
  readonly #shown = new SvelteSet<number>();
  readonly #leaving = new Map<number, AbortController>();
  readonly #asking = new Latest();

  /** Make it where a component begins. */
  constructor(private readonly desk: Desk) {
    $effect(() => {
      const { layer, step, turns, overview } = desk;
      const units = [...this.#shown];
      this.#leave(units);
      if (!layer || !isLarge(layer) || !overview?.steps.length) return;
      untrack(() => this.#asking.run(() => this.#fetch(layer, units, step, turns)));
    });
    $effect(() => () => this.#leaving.forEach((each) => each.abort()));
  }

  /** Have the weights of a unit at hand; returns how to let go of them. */
  show(unit: number): () => void {
    untrack(() => this.#shown.add(unit));
    return () => void this.#shown.delete(unit);
  }

  of(layer: Layer, unit: number): Row | null {
    return (this.#found?.layer === layer && this.#found.rows.get(unit)) || null;
  }

  /** How far a weight of those in view is from 0 at most. */
  get most(): number {
    const found = this.#found;
    return found?.layer === this.desk.layer ? Math.max(0, ...[...(found?.rows.values() ?? [])].map(({ plain }) => largest(plain))) : 0;
  }

  /** Take back what is asked about others than these. */
  #leave(units: readonly number[]): void {
    const gone = [...this.#leaving.keys()].filter((unit) => !units.includes(unit));
    for (const unit of gone) {
      this.#leaving.get(unit)?.abort();
      this.#leaving.delete(unit);
    }
    for (const unit of units) if (!this.#leaving.has(unit)) this.#leaving.set(unit, new AbortController());
  }

  async #fetch(layer: Layer, units: readonly number[], step: number, turns: Turns): Promise<void> {
    const known = units.filter((unit) => this.#leaving.has(unit)); // gone again while the work waited
    const rows = await Promise.all(known.map(async (unit) => [unit, await this.#row(layer, unit, step, turns)] as const));
    this.#found = { layer, rows: new Map(rows.flatMap(([unit, row]) => (row ? [[unit, row] as const] : []))) };
  }

  async #row(layer: Layer, unit: number, step: number, turns: Turns): Promise<Row | null> {
    const signal = this.#leaving.get(unit)?.signal;
    const ask = async (turns: Turns): Promise<Float32Array | null> => {
      const question = { ...this.desk.weightsOf(layer.weight.name, step, concerningUnit(turns, layer, unit)), unit };
      return (await this.desk.ask("weights", question, signal))?.values.data ?? null;
    };
    const [plain, turned] = await Promise.all([ask([]), ask(turns)]);
    return plain && { plain, turned: turned ?? plain };
  }
}
