import { Refusal } from "../hosts/host";
import type { Examples, Network } from "../messages";
import { LOSSES, type Loss } from "./judging";
import { sizeOf } from "../model/shape";
import type { Signal, Weights } from "./signal";
import { mixed } from "./turns/mix";
import type { Names } from "./turns/place";

/** What the file holds; a rig computes everything else from it. */
export interface Source {
  readonly steps: readonly number[];
  readonly parameters: readonly string[];
  /** How many examples the run's probe set has; the file may hold fewer. */
  readonly total: number;
  readonly examples: Examples | null;
  /** How many classes there are; 0 where nothing is classified. */
  readonly classes: number;
  readonly gradientSteps: readonly number[];
  weights(parameter: string, step: number): Signal;
  gradient(parameter: string, step: number): Signal | null;
  network(step: number): Network | null;
}

/** The network of one step, and the same with its turns. */
export interface Turned {
  readonly network: Network;
  readonly before: Weights;
  readonly now: Weights;
}

/** Runs the network of a file, with weights turned. */
export class Rig {
  #weights = new Map<number, Weights>();

  constructor(readonly source: Source) {}

  weights(step: number): Weights {
    const known = this.#weights.get(step);
    if (known) return known;
    const { parameters, steps } = this.source;
    if (!steps.includes(step)) throw new Refusal(`no snapshot of step ${step} is in this file`);
    const found = new Map(parameters.map((name) => [name, this.source.weights(name, step)]));
    this.#weights.set(step, found);
    return found;
  }

  mixed(step: number, turns: readonly string[]): Weights {
    return mixed(this.weights(step), turns, this.#names(step));
  }

  turned(step: number, turns: readonly string[]): Turned {
    const network = this.source.network(step);
    if (!network?.supported) throw new Refusal("not in this file: open the run with `weightdesk open` to turn weights");
    return { network, before: this.weights(step), now: this.mixed(step, turns) };
  }

  get examples(): Examples {
    if (!this.source.examples) throw new Refusal("no examples are in this file");
    return this.source.examples;
  }

  /** One example, or numbers of one's own in its shape. */
  input(example: number, own: readonly number[] | null): Signal {
    const { data, shape } = this.examples.inputs;
    const [count = 0, ...each] = shape;
    const size = sizeOf(each);
    if (own) {
      if (own.length !== size) throw new Refusal(`an input has ${size} numbers, got ${own.length}`);
      return { data: Float32Array.from(own), shape: each };
    }
    if (example >= count) throw new Refusal(`example ${example} is not in this file: expected 0…${count - 1}`);
    return { data: data.subarray(example * size, (example + 1) * size), shape: each };
  }

  target(example: number): Float64Array {
    const { data, shape } = this.examples.targets;
    const size = sizeOf(shape.slice(1));
    return data.subarray(example * size, (example + 1) * size);
  }

  /** Null where there are no targets, or the loss is one of somebody's own. */
  loss(network: Network): Loss | null {
    return network.loss && this.examples.targets.data.length ? LOSSES[network.loss] : null;
  }

  #names(step: number): Names {
    const shared = this.source.network(step)?.layers ?? [];
    const names = new Map(this.source.parameters.map((name) => [name, name]));
    for (const { name, parameters } of shared) {
      for (const [own, parameter] of Object.entries(parameters)) names.set(`${name}.${own}`, parameter);
    }
    return names;
  }
}
