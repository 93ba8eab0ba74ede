import { Refusal, type Host } from "../hosts/host";
import { KeptHost } from "../hosts/kept";
import type { Answers, Examples, Growth, Heard, Metrics, Numbers, Overview, Questions, Scores } from "../messages";
import { read, usual, write, type Address } from "./address";
import { exampleAt, together, type Example } from "./examples";
import { isLarge } from "./large";
import { Latest } from "./latest";
import { indexOf, layersOf, type Layer } from "./layers";
import { concerning, setting, turned, type Turns } from "./mix";
import { readOwn, writeOwn } from "./own";

const PATIENCE = 0.005; // seconds for the scores while a knob may be in a hand
const REST = 250; // milliseconds of rest before all examples are run

type Weights = Numbers<Float32Array>;

/** All that the page knows and shows. Its address says what is looked at; everything else follows from that. */
export class Desk {
  overview = $state.raw<Overview | null>(null);
  metrics = $state.raw<Metrics | null>(null);
  examples = $state.raw<Examples | null>(null); // the first of them
  heard = $state.raw<Heard | null>(null);
  scores = $state.raw<Scores | null>(null); // of more and more examples
  weights = $state.raw<Weights | null>(null); // of the layer, with the turns as heard
  plain = $state.raw<Weights | null>(null); // without them
  biases = $state.raw<Weights | null>(null);
  plainBiases = $state.raw<Weights | null>(null);
  example = $state.raw<Example | null>(null); // the chosen one, wherever in the probe set it is
  address = $state<Address>(usual());
  undone = $state.raw<Turns[]>([]);
  done = $state.raw<Turns[]>([]);
  playing = $state(false);
  stops = $state(0); // how often what takes long was stopped by hand
  speed = $state(1);
  connected = $state(true);
  refusal = $state<string | null>(null);

  layers = $derived<Layer[]>(this.overview ? layersOf(this.overview) : []);
  layer = $derived<Layer | null>(this.layers.find((each) => each.name === this.address.layer) ?? this.layers[0] ?? null);
  /** The step that is shown: the last one kept up to the playhead. */
  step = $derived<number>(this.#kept(this.address.step));
  /** The turns that are heard: none while bypassed. */
  turns = $derived<Turns>(this.address.bypassed ? [] : this.address.turns);
  hasWeights = $derived((this.overview?.steps.length ?? 0) > 0); // not before the first snapshot
  canTurn = $derived(this.overview?.subject != null);
  #own = $derived<readonly number[] | null>(this.address.own === null ? null : readOwn(this.address.own));

  readonly #names = $derived(new Set(this.overview?.parameters.map(({ name }) => name)));

  readonly host: Host;
  #hearing = new Latest();
  #looking = new Latest();
  #scoring = new AbortController();

  constructor(host: Host) {
    this.host = new KeptHost(host);
  }

  /** Begin; returns how to end. */
  open(hash: string): () => void {
    this.go(hash);
    void this.ask("overview", {}).then((found) => {
      if (!found) return;
      this.overview = found;
      if (found.subject) void this.ask("examples", { start: 0, count: together(found.subject) }).then((examples) => (this.examples = examples));
    });
    void this.ask("metrics", {}).then((found) => (this.metrics = found));
    return this.host.follow((growth) => this.#grow(growth), (is) => this.#connect(is));
  }

  /** To what another link to this page says. */
  go(hash: string): void {
    this.address = read(hash);
  }

  get link(): string {
    return write(this.address);
  }

  /** An input drawn or typed: just what its link says, so that it is heard the same wherever that is opened. */
  get own(): readonly number[] | null {
    return this.#own;
  }
  set own(numbers: readonly number[] | null) {
    this.address.own = numbers && writeOwn(numbers);
  }

  /** Fetch what the address asks for; called whenever what it depends on has changed. */
  look(): void {
    const { layer, step, turns } = this;
    if (!layer || !this.overview?.steps.length) return;
    const asked = (parameter: string | undefined, turns: Turns) => (parameter === undefined ? null : this.ask("weights", this.weightsOf(parameter, step, turns)));
    const [weight, bias] = [isLarge(layer) ? undefined : layer.weight.name, layer.bias?.name];
    this.#looking.run(async () => {
      await this.#hearing.present; // what the network says is waited for, the weights are known where they were turned
      const found = await Promise.all([asked(weight, []), asked(weight, turns), asked(bias, []), asked(bias, turns)]);
      [this.plain, this.weights, this.plainBiases, this.biases] = found.map((each) => each?.values ?? null) as [Weights, Weights, Weights, Weights];
    });
  }

  /** What to ask for the weights of a parameter: turns elsewhere change nothing of it, so nothing is asked anew. */
  weightsOf(parameter: string, step: number, turns: Turns): Questions["weights"] {
    return { step, parameter, turns: concerning(turns, parameter, this.#names) };
  }

  hear(): void {
    const { step, turns, own } = this;
    const { example } = this.address;
    if (!this.canTurn || !this.overview?.steps.length) return;
    void this.#take(example);
    this.#scoring.abort();
    this.#hearing.run(async () => {
      const found = await this.ask("heard", { step, turns, example, own, patience: PATIENCE });
      if (!found) return;
      this.heard = found;
      this.#score(found.scores, { step, turns });
    });
  }

  /** Show the scores of some examples, and go on to those of all where nothing else is asked meanwhile. */
  #score(scores: Scores | null, question: Questions["scores"]): void {
    this.#scoring.abort();
    const { signal } = (this.#scoring = new AbortController());
    this.scores = scores;
    if (scores && scores.seen === scores.examples) return;
    const timer = setTimeout(async () => {
      const found = await this.ask("scores", question, signal);
      if (found && !signal.aborted) this.scores = found;
    }, REST);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }

  async #take(number: number): Promise<void> {
    const subject = this.overview?.subject;
    if (!subject || this.example?.number === number) return;
    const count = together(subject);
    const found = await this.ask("examples", { start: number - (number % count), count });
    if (number === this.address.example) this.example = found && exampleAt(found, number % count, number);
  }

  /** Turn a knob; one that is turned on and on is one turn. */
  turn(text: string): void {
    this.become(turned(this.address.turns, text));
  }

  set(parameter: string, index: readonly number[], value: number): void {
    this.turn(setting(parameter, index, value));
  }

  become(turns: Turns): void {
    const before = this.address.turns;
    // while a knob is being dragged, undo goes back to where the drag began
    if (turns.length !== before.length || turns.length === 0) this.done = [...this.done, before];
    this.undone = [];
    this.address.turns = turns;
    this.address.bypassed = false;
  }

  undo(): void {
    const before = this.done.at(-1);
    if (!before) return;
    this.undone = [...this.undone, this.address.turns];
    this.done = this.done.slice(0, -1);
    this.address.turns = before;
  }

  redo(): void {
    const after = this.undone.at(-1);
    if (!after) return;
    this.done = [...this.done, this.address.turns];
    this.undone = this.undone.slice(0, -1);
    this.address.turns = after;
  }

  /** Choose a layer, a unit of it, or a weight by its number within the unit. */
  choose(layer: string, unit: number | null = null, within: number | null = null): void {
    const chosen = this.layers.find((each) => each.name === layer);
    if (!chosen) return;
    this.address.layer = layer;
    this.address.unit = unit;
    this.address.weight = unit !== null && within !== null ? indexOf(unit * chosen.fanIn + within, chosen.weight.shape) : null;
    this.address.tab = this.address.weight ? "weight" : unit !== null ? "unit" : "layer";
  }

  /** Ask; null where it is refused, and the line is shown. */
  async ask<K extends keyof Questions>(kind: K, question: Questions[K], signal?: AbortSignal): Promise<Answers[K] | null> {
    try {
      const found = await this.host.ask(kind, question, signal);
      this.refusal = null;
      return found;
    } catch (error) {
      if (error instanceof Refusal) this.refusal = error.message;
      return null;
    }
  }

  #kept(step: number | null): number {
    const steps = this.overview?.steps ?? [];
    return (step === null ? steps.at(-1) : steps.findLast((each) => each <= step)) ?? steps[0] ?? 0;
  }

  #grow(growth: Growth): void {
    const known = this.overview;
    const same = known && growth.status === known.status && growth.last_step === known.last_step;
    if (!known || (same && growth.snapshots === known.steps.length)) return;
    void this.ask("overview", {}).then((found) => found && (this.overview = found));
    void this.ask("metrics", {}).then((found) => found && (this.metrics = found));
  }

  #connect(is: boolean): void {
    const back = is && !this.connected;
    this.connected = is;
    if (back) {
      this.look();
      this.hear();
    }
  }
}
