import type { Network, NetworkLayer } from "../messages";
import { KINDS } from "./layers/kinds";
import type { Parts } from "./layers/layer";
import type { Signal, Weights } from "./signal";

/** Some of the layers in turn on one example; `heard` is told what each of them gives. */
export function run(
  layers: readonly NetworkLayer[],
  weights: Weights,
  input: Signal,
  heard: (layer: string, output: Signal, input: Signal) => void = () => undefined,
): Signal {
  return layers.reduce((signal, layer) => {
    const kind = KINDS[layer.kind];
    if (!kind) throw new Error(`${layer.name} is a ${layer.kind}, which no page can run`);
    const output = kind(signal, partsOf(layer, weights));
    heard(layer.name, output, signal);
    return output;
  }, input);
}

/** How many layers at the start hold the very same weights, and so give the same. */
export function sharedStart({ layers }: Network, one: Weights, other: Weights): number {
  const differs = (name: string): boolean => one.get(name) !== other.get(name);
  const found = layers.findIndex(({ parameters }) => Object.values(parameters).some(differs));
  return found < 0 ? layers.length : found;
}

function partsOf(layer: NetworkLayer, weights: Weights): Parts {
  const held: Record<string, Signal> = {};
  for (const { name, values } of layer.buffers) held[name] = values;
  for (const [own, parameter] of Object.entries(layer.parameters)) {
    const found = weights.get(parameter);
    if (found) held[own] = found;
  }
  return { held, settings: layer.settings };
}
