import type { Signal } from "../signal";

/** What a layer is made of: its weights and buffers by their names in it, and its settings. */
export interface Parts {
  readonly held: Readonly<Record<string, Signal>>;
  readonly settings: Readonly<Record<string, readonly number[]>>;
}

/** A kind of layer: what it makes of one example, in evaluation mode. Sums are kept in float64. */
export type Layer = (input: Signal, parts: Parts) => Signal;

/** A setting of two axes. */
export function pair(parts: Parts, name: string, usual: number): [number, number] {
  const given = parts.settings[name] ?? [usual];
  return [given[0] ?? usual, given.at(-1) ?? usual];
}

export const first = (parts: Parts, name: string, usual: number): number => parts.settings[name]?.[0] ?? usual;

export function need(parts: Parts, name: string): Signal {
  const found = parts.held[name];
  if (!found) throw new Error(`a layer lacks its ${name}`);
  return found;
}

/** A picture's channels, height and width. */
export function picture(input: Signal): [number, number, number] {
  const [channels, height, width] = input.shape;
  if (channels === undefined || height === undefined || width === undefined) {
    throw new Error("a picture has channels, a height and a width");
  }
  return [channels, height, width];
}
