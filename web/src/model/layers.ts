import type { Overview, ParameterFacts } from "../messages";

/** A module whose weights are rows of units: what the strips show. */
export interface Layer {
  readonly name: string;
  readonly kind: string;
  readonly weight: ParameterFacts;
  readonly bias: ParameterFacts | null;
  readonly units: number;
  readonly fanIn: number;
}

/** The layers in the network's order; a parameter without a module is a layer of its own name. */
export function layersOf(overview: Overview): Layer[] {
  const kinds = new Map(overview.modules.map(({ name, kind }) => [name, kind]));
  const byName = new Map(overview.parameters.map((each) => [each.name, each]));
  return overview.parameters
    .filter(({ name, shape }) => shape.length > 1 || (shape.length === 1 && !name.endsWith("bias")))
    .map((weight) => {
      const module = weight.name.includes(".") ? weight.name.slice(0, weight.name.lastIndexOf(".")) : "";
      const own = weight.name.endsWith(".weight");
      const bias = own ? (byName.get(`${module}.bias`) ?? null) : null;
      const units = weight.shape[0] ?? 1;
      const size = weight.shape.reduce((product, each) => product * each, 1);
      const name = own ? module : weight.name;
      return { name, kind: kinds.get(module) ?? "parameter", weight, bias, units, fanIn: size / units };
    });
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
