import type { Network } from "../messages";
import { breathing } from "./breathing";
import { isRight } from "./judging";
import { run, sharedStart } from "./network";
import type { Rig } from "./rig";
import type { Signal, Weights } from "./signal";

export interface Judged {
  readonly seen: number;
  readonly loss: number | null;
  /** Half the interval in which the loss of the whole probe set lies 95 times of 100; null where all are seen. */
  readonly error: number | null;
  readonly accuracy: number | null;
}

/** What the examples gave, as far as they have been run. */
export class Tally {
  readonly losses: number[] = [];
  readonly rights: boolean[] = [];
  /** What the layer number `#depth` reads: kept, so that a knob can be dragged without running what is before it. */
  #inputs: Signal[] = [];
  #depth = 0;

  /** With `start`, only the layers from the first one on whose weights differ from there are run. */
  constructor(
    private readonly rig: Rig,
    private readonly network: Network,
    private readonly weights: Weights,
    private readonly start?: Tally,
  ) {}

  /** Run an example, unless that was done before. */
  see(example: number): void {
    if (example < this.losses.length) return;
    const depth = this.start ? sharedStart(this.network, this.start.weights, this.weights) : 0;
    const input = this.start ? this.start.#input(example, depth) : this.rig.input(example, null);
    const outputs = run(this.network.layers.slice(depth), this.weights, input);
    const target = this.rig.target(example);
    this.losses.push(this.rig.loss(this.network)?.(outputs.data, target) ?? NaN);
    this.rights.push(isRight(outputs, target));
  }

  #input(example: number, depth: number): Signal {
    if (depth !== this.#depth) this.#inputs = [];
    this.#depth = depth;
    const known = this.#inputs[example];
    if (known) return known;
    const found = run(this.network.layers.slice(0, depth), this.weights, this.rig.input(example, null));
    if (depth > 0) this.#inputs[example] = found;
    return found;
  }

  judged(seen: number): Judged {
    const losses = this.losses.slice(0, seen);
    const mean = losses.reduce((sum, each) => sum + each, 0) / seen;
    const share = this.rights.slice(0, seen).filter(Boolean).length / seen;
    const classes = this.network.loss === "cross_entropy";
    const known = seen > 0 && Number.isFinite(mean);
    const error = known && seen < this.rig.source.total ? this.#error(losses, mean) : null;
    return { seen, loss: known ? mean : null, error, accuracy: known && classes ? share : null };
  }

  /** Of a mean of so many drawn from all, without putting back: Cochran 1977, section 2.6. */
  #error(losses: number[], mean: number): number | null {
    const seen = losses.length;
    if (seen < 2) return null;
    const variance = losses.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (seen - 1);
    return 1.96 * Math.sqrt((variance / seen) * (1 - seen / this.rig.source.total));
  }
}

/** Run examples with all tallies alike, until they are through or it is time to stop. */
export async function seeing(
  tallies: readonly Tally[],
  count: number,
  patience: number | null,
  signal?: AbortSignal,
): Promise<number> {
  const start = performance.now();
  const breathe = breathing(signal);
  for (let example = 0; example < count; example++) {
    for (const each of tallies) each.see(example);
    if (patience !== null && performance.now() - start >= patience * 1000) return example + 1;
    await breathe();
  }
  return count;
}
