import type { Overview, ParameterFacts } from "../messages";
import { sizeOf } from "./shape";

/** Weights as rows of units: what the strips show. */
export interface Layer {
  readonly name: string;
  readonly kind: string;
  readonly weight: ParameterFacts;
  readonly bias: ParameterFacts | null;
  readonly units: number;
  readonly fanIn: number;
}

/** The layers in the network's order; a parameter that is not called `weight` is a layer of its own name. */
export function layersOf(overview: Overview): Layer[] {
  const kinds = new Map(overview.modules.map(({ name, kind }) => [name, kind]));
  const byName = new Map(overview.parameters.map((each) => [each.name, each]));
  const biases = new Map(overview.parameters.map((each) => [each.name, biasOf(each, byName)]));
  const owned = new Set([...biases.values()].map((each) => each?.name));
  return overview.parameters
    .filter(({ name }) => !owned.has(name))
    .map((weight) => {
      const module = weight.name.slice(0, Math.max(0, weight.name.lastIndexOf(".")));
      const units = weight.shape[0] ?? 1;
      return {
        name: weight.name.endsWith(".weight") ? module : weight.name,
        kind: kinds.get(module) ?? "parameter",
        weight,
        bias: biases.get(weight.name) ?? null,
        units,
        fanIn: sizeOf(weight.shape) / Math.max(1, units),
      };
    });
}

/** The bias of a weight's units: `bias` beside `weight`, `bias_ih_l0` beside `weight_ih_l0`. */
function biasOf({ name, shape }: ParameterFacts, byName: ReadonlyMap<string, ParameterFacts>): ParameterFacts | null {
  const at = name.lastIndexOf("weight");
  if (at <= name.lastIndexOf(".")) return null;
  const bias = byName.get(`${name.slice(0, at)}bias${name.slice(at + "weight".length)}`);
  return bias?.shape.length === 1 && bias.shape[0] === shape[0] ? bias : null;
}

/** The place of a weight in its parameter, from its number in row-major order, and back. */
export function indexOf(place: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    index.unshift(place % size);
    place = Math.floor(place / size);
  }
  return index;
}

export function placeOf(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((place, each, axis) => place * (shape[axis] ?? 1) + each, 0);
}
