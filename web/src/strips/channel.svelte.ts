import { Asked } from "../model/asked.svelte";
import type { Questions } from "../messages";
import type { Desk } from "../model/desk.svelte";
import { isLarge } from "../model/large";
import { placeOf, type Layer } from "../model/layers";
import { muting, soloing } from "../model/mix";
import { countUpTo } from "../timeline/replay";
import { answersOf, largest, norms, sorted } from "./answers";
import { pictureOf } from "./picture";
import { Rows } from "./rows.svelte";
import { roundUp } from "./turnable";

/** What the strips of the desk's layer have in common. */
export class Channels {
  readonly #desk: Desk;
  readonly ranking: Asked<"importance">;
  readonly rows: Rows;
  readonly #strengths: Asked<"norms">;
  readonly #growth: Asked<"layer">;
  readonly layer = $derived.by<Layer | null>(() => this.#desk.layer);

  /** The weights, when they are those of the layer and not yet of the one before. */
  readonly weights = $derived.by(() => this.#fitting(this.#desk.weights?.data));
  readonly plain = $derived.by(() => this.#fitting(this.#desk.plain?.data));
  readonly biases = $derived.by(() => this.#ofUnits(this.#desk.biases?.data));
  readonly plainBiases = $derived.by(() => this.#ofUnits(this.#desk.plainBiases?.data));

  /** Without the turns, so that colours and steps stay as they are while a knob is turned. */
  readonly most = $derived.by(() => (this.plain ? largest(this.plain) : (this.#recorded ?? this.rows.most)));
  readonly dial = $derived(roundUp(this.plainBiases ? largest(this.plainBiases) : 1));
  readonly answers = $derived.by(() => this.layer && answersOf(this.#desk.heard, this.layer));

  readonly #maps = $derived.by(() => this.#mapsBefore());
  readonly picture = $derived(this.layer && pictureOf(this.layer.weight.shape, JSON.parse(this.#maps) as number[][]));

  readonly order = $derived.by(() => {
    const { layer, plain } = this;
    if (!layer) return new Int32Array();
    switch (this.#desk.address.sort) {
      case "importance": return sorted(layer.units, this.importance);
      case "activity": return sorted(layer.units, this.answers?.levels ?? null);
      case "norm": return sorted(layer.units, plain ? norms(plain, layer.units, layer.fanIn) : this.#norms);
      default: return sorted(layer.units, null);
    }
  });

  readonly solo = $derived.by(() => this.#desk.address.turns.some((each) => each.startsWith(`solo ${this.layer?.name}[`)));

  constructor(desk: Desk) {
    this.#desk = desk;
    this.rows = new Rows(desk);
    this.ranking = new Asked(() => desk, "importance", () => this.#ranked(), true);
    const large = <T>(of: (parameter: string) => T): T | null => (this.layer && isLarge(this.layer) ? of(this.layer.weight.name) : null);
    this.#strengths = new Asked(() => desk, "norms", () => large((parameter) => (desk.address.sort === "norm" ? { parameter, step: desk.step } : null)), true);
    this.#growth = new Asked(() => desk, "layer", () => large((parameter) => ({ parameter })));
  }

  /** The weights of a unit, with the turns or without them; null until they are known. */
  weightsOf(unit: number, isPlain: boolean): Float32Array | null {
    const { layer } = this;
    if (!layer) return null;
    if (isLarge(layer)) return this.rows.of(layer, unit)?.[isPlain ? "plain" : "turned"] ?? null;
    const found = isPlain ? (this.plain ?? this.weights) : this.weights;
    return found && found.subarray(unit * layer.fanIn, (unit + 1) * layer.fanIn);
  }

  /** Of a large layer how far a weight was from 0 at most when that was last measured. */
  get #recorded(): number | null {
    const found = this.#growth.answer?.series.find(({ kind, column }) => kind === "weight" && column === "abs_max");
    if (!found || this.#growth.loading) return null;
    return found.values.data[countUpTo(found.steps.data, this.#desk.step) - 1] ?? null;
  }

  get #norms(): Float32Array | null {
    const { answer } = this.#strengths;
    return answer && answer.parameter === this.layer?.weight.name ? answer.values.data : null;
  }

  /** By how much the loss rises without the weights of each unit, before any turn; while they are ranked by it. */
  get importance(): Float64Array | null {
    const { answer } = this.ranking;
    return answer && answer.parameter === this.layer?.weight.name ? answer.values.data : null;
  }

  #ranked(): Questions["importance"] | null {
    const { address, step, canTurn } = this.#desk;
    if (address.sort !== "importance" || !this.layer || !canTurn) return null;
    return { parameter: this.layer.weight.name, step, level: "unit" };
  }

  isMuted(unit: number): boolean {
    return this.layer !== null && this.#desk.address.turns.includes(muting(this.layer.name, unit));
  }

  isSoloed(unit: number): boolean {
    return this.layer !== null && this.#desk.address.turns.includes(soloing(this.layer.name, unit));
  }

  isSilent(unit: number): boolean {
    return this.isMuted(unit) || (this.solo && !this.isSoloed(unit));
  }

  /** The number within the unit of the weight that is chosen. */
  chosenIn(unit: number): number | null {
    const { weight } = this.#desk.address;
    if (!this.layer || !weight || weight[0] !== unit) return null;
    return placeOf(weight, this.layer.weight.shape) - unit * this.layer.fanIn;
  }

  #ofUnits(found: Float32Array | undefined): Float32Array | null {
    return found && this.layer?.bias && found.length === this.layer.units ? found : null;
  }

  #fitting(found: Float32Array | undefined): Float32Array | null {
    return found && this.layer && found.length === this.layer.units * this.layer.fanIn ? found : null;
  }

  /** As text, so that pictures are laid out anew only when a shape is another. */
  #mapsBefore(): string {
    const { heard, overview } = this.#desk;
    const layers = heard?.layers ?? [];
    const here = layers.findIndex(({ module }) => module === this.layer?.name);
    const before = layers.slice(0, Math.max(0, here)).map(({ shape }) => shape);
    return JSON.stringify([overview?.subject?.input_shape ?? [], ...before.reverse()]);
  }
}
