import { Refusal } from "../../hosts/host";
import type { ImportanceOfWeights, ImportanceQuestion } from "../../messages";
import { breathing } from "../breathing";
import { run } from "../network";
import type { Rig } from "../rig";
import type { Signal } from "../signal";

const EXAMPLES = 256;
const LEAST = 16; // of fewer nothing is said
const PATIENCE = 20_000; // milliseconds
const SOON = 1000; // until it can be told how long it takes

/**
 * The change of the loss with each weight zero, or all of each unit: exact, each of them run again. It is that
 * of `weightdesk/server/questions/importance.py` on the examples for which there is time, all of which see every weight.
 */
export function importance(rig: Rig, question: ImportanceQuestion, signal?: AbortSignal): Promise<ImportanceOfWeights> {
  const found = before.then(() => {
    signal?.throwIfAborted();
    return ablated(rig, question, signal);
  });
  before = found.catch(() => undefined);
  return found;
}

let before: Promise<unknown> = Promise.resolve(); // one after the other: two at once have half the time each

async function ablated(rig: Rig, question: ImportanceQuestion, signal?: AbortSignal): Promise<ImportanceOfWeights> {
  const { parameter, level = "weight" } = question;
  const ablation = new Ablation(rig, question);
  const count = Math.min(EXAMPLES, rig.examples.inputs.shape[0] ?? 0);
  const sums = new Float64Array(ablation.count);
  const inTime = timed(Math.min(LEAST, count), signal);
  let [seen, total] = [0, 0];
  for (; seen < count; seen++) {
    const changes = await changesOf(ablation, seen, inTime);
    if (!changes) break;
    changes.forEach((change, place) => (sums[place] = (sums[place] as number) + change));
    total += ablation.loss;
  }
  if (seen < Math.min(LEAST, count)) throw new Refusal(`not in this file: open the run with \`weightdesk open\` for ${sums.length.toLocaleString("en")} ${level}s at this depth`);
  return {
    parameter,
    values: { data: sums.map((each) => each / seen), shape: level === "unit" ? [sums.length] : ablation.shape },
    baseline: total / seen,
    error: 0,
    bound: null,
    examples: seen,
    note: `each ${level} zero in turn, run again in this page`,
  };
}

/** Null where there is no time for all of them. */
async function changesOf(ablation: Ablation, example: number, inTime: (done: number) => Promise<boolean>): Promise<Float64Array | null> {
  const changes = new Float64Array(ablation.count);
  ablation.begin(example);
  for (let place = 0; place < changes.length; place++) {
    changes[place] = ablation.without(place) - ablation.loss;
    if (!(await inTime(example + place / changes.length))) return null;
  }
  return changes;
}

/** Tells whether to go on, from how many examples are done: not beyond the patience, nor where that is too short for the least. */
function timed(least: number, signal?: AbortSignal): (done: number) => Promise<boolean> {
  const begun = performance.now();
  const breathe = breathing(signal);
  return async (done) => {
    await breathe();
    const gone = performance.now() - begun;
    return gone < PATIENCE && (gone < SOON || (gone * least) / done < PATIENCE);
  };
}

/** Runs one example after the other with parts of a parameter zero. */
class Ablation {
  readonly count: number;
  readonly shape: readonly number[];
  readonly #size: number; // weights of a part
  readonly #own: Float32Array;
  readonly #plain: Float32Array;
  readonly #before: (example: number) => Signal;
  readonly #judged: (given: Signal) => number;
  /** That of the present example as it is. */
  loss = NaN;
  #example = 0;
  #given: Signal = { data: new Float32Array(), shape: [] };

  constructor(rig: Rig, { parameter, step, turns = [], level }: ImportanceQuestion) {
    const { network, now } = rig.turned(step, turns);
    const loss = rig.loss(network);
    const found = now.get(parameter);
    const depth = network.layers.findIndex(({ parameters }) => Object.values(parameters).includes(parameter));
    if (!loss) throw new Refusal("there is no loss in this file by which weights could be judged");
    if (!found || depth < 0) throw new Refusal(`nothing in this file reads ${parameter}`);
    [this.#plain, this.#own, this.shape] = [found.data, found.data.slice(), found.shape];
    this.#size = level === "unit" ? found.data.length / Math.max(1, found.shape[0] ?? 1) : 1;
    this.count = found.data.length / this.#size;
    const turning = new Map(now).set(parameter, { data: this.#own, shape: found.shape });
    const [first, rest] = [network.layers.slice(0, depth), network.layers.slice(depth)];
    this.#before = (example) => run(first, now, rig.input(example, null));
    this.#judged = (given) => loss(run(rest, turning, given).data, rig.target(this.#example));
  }

  begin(example: number): void {
    this.#example = example;
    this.#given = this.#before(example);
    this.loss = this.#judged(this.#given);
  }

  /** The loss of the example without a part. */
  without(place: number): number {
    const [start, stop] = [place * this.#size, (place + 1) * this.#size];
    this.#own.fill(0, start, stop);
    const loss = this.#judged(this.#given);
    this.#own.set(this.#plain.subarray(start, stop), start);
    return loss;
  }
}
