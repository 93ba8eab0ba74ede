import type { Signal, Weights } from "../signal";
import type { Names, Part } from "./place";
import { turnOf } from "./turn";

/** The weights after the turns, in their order; what is not touched is the very same array. */
export function mixed(weights: Weights, turns: readonly string[], names: Names): Weights {
  if (!turns.length) return weights;
  const turning = new Turning(weights);
  for (const text of turns) {
    const turn = turnOf(text, weights, names);
    if (turn.kind === "solo") turning.solo(turn.parts);
    else turning.change(turn.parts, turn.to);
  }
  return turning.values;
}

class Turning {
  readonly values: Map<string, Signal>;
  /** Of each soloed parameter, what it would be without the solos: several of them go together. */
  readonly #beneath = new Map<string, Signal>();
  readonly #soloed = new Map<string, Set<number>>();
  readonly #own = new Set<string>();

  constructor(weights: Weights) {
    this.values = new Map(weights);
  }

  change(parts: readonly Part[], to: (value: number) => number): void {
    for (const { parameter, places } of parts) {
      if (!this.#own.has(parameter)) this.#renew(parameter, this.values.get(parameter) as Signal);
      for (const { data } of [this.values.get(parameter), this.#beneath.get(parameter)].filter((each) => each !== undefined)) {
        for (const place of places) data[place] = to(data[place] as number);
      }
    }
  }

  solo(parts: readonly Part[]): void {
    for (const { parameter, places } of parts) {
      const audible = this.#soloed.get(parameter) ?? new Set();
      for (const place of places) audible.add(place);
      this.#soloed.set(parameter, audible);
      if (!this.#beneath.has(parameter)) this.#beneath.set(parameter, copy(this.values.get(parameter) as Signal));
      this.#renew(parameter, this.#beneath.get(parameter) as Signal);
      const { data } = this.values.get(parameter) as Signal;
      data.forEach((_, place) => audible.has(place) || (data[place] = 0));
    }
  }

  #renew(parameter: string, from: Signal): void {
    this.values.set(parameter, copy(from));
    this.#own.add(parameter);
  }
}

const copy = (signal: Signal): Signal => ({ data: signal.data.slice(), shape: signal.shape });
