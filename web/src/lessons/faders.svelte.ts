import type { Desk } from "../model/desk.svelte";
import type { Layer } from "../model/layers";
import { knobOf, numberOf, setting, without } from "../model/mix";

/** The weights of a single neuron, each a knob of the input that it belongs to. */
export class Faders {
  readonly #desk: Desk;

  /** Null where the network is more than one neuron. */
  readonly layer = $derived.by<Layer | null>(() => {
    const { layers } = this.#desk;
    const only = layers.length === 1 ? layers[0] : undefined;
    return only && only.units === 1 && only.weight.shape.length === 2 ? only : null;
  });
  readonly names = $derived.by<readonly string[]>(() => this.#desk.overview?.subject?.input_names ?? []);
  /** As they are heard; empty until they are known. */
  readonly values = $derived.by<readonly number[]>(() => {
    const known = this.#desk.weights?.data;
    if (!this.layer || known?.length !== this.layer.fanIn) return [];
    return Array.from(known, (each, input) => numberOf(this.#desk.turns, this.#knob(input)) ?? each);
  });
  readonly turned = $derived.by<boolean>(() => this.values.some((_, input) => this.isTurned(input)));

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  isTurned(input: number): boolean {
    return this.#desk.address.turns.some((each) => knobOf(each) === this.#knob(input));
  }

  set(input: number, value: number): void {
    if (this.layer) this.#desk.set(this.layer.weight.name, [0, input], value);
  }

  reset(input: number): void {
    this.#desk.become(without(this.#desk.address.turns, this.#knob(input)));
  }

  isMuted = (input: number): boolean => this.isTurned(input) && this.values[input] === 0;

  mute(input: number): void {
    if (this.isMuted(input)) this.reset(input);
    else this.set(input, 0);
  }

  isSoloed = (input: number): boolean => this.values.length > 1 && this.values.every((_, other) => (other === input) !== this.isMuted(other));

  /** All others muted; or none any more, if they were. */
  solo(input: number): void {
    const others = this.values.map((_, other) => other).filter((other) => other !== input);
    const muted = this.isSoloed(input);
    let turns = this.#desk.address.turns;
    for (const other of others) if (muted || !this.isMuted(other)) turns = without(turns, this.#knob(other));
    if (!muted) turns = [...turns, ...others.filter((other) => !turns.some((each) => knobOf(each) === this.#knob(other))).map((other) => setting(this.#name, [0, other], 0))];
    if (this.isMuted(input)) turns = without(turns, this.#knob(input));
    this.#desk.become(turns);
  }

  get #name(): string {
    return this.layer?.weight.name ?? "";
  }

  #knob(input: number): string {
    return knobOf(setting(this.#name, [0, input], 0));
  }
}
