import { untrack } from "svelte";
import { Refusal } from "../hosts/host";
import { SETTLED, type Answers, type Questions } from "../messages";
import type { Desk } from "./desk.svelte";

const PAUSE = 120; // milliseconds between two askings while something is dragged or played
const LONG_PAUSE = 400; // of stillness before something costly is asked

/** One question, asked again whenever it reads otherwise; make it where a component begins. */
export class Asked<K extends keyof Questions> {
  answer = $state.raw<Answers[K] | null>(null);
  refused = $state<string | null>(null);
  loading = $state(false);

  #address = "";
  #began = -Infinity;
  #stop = new AbortController();

  /** No question, no asking: where it gives null the answer is forgotten. */
  constructor(
    private readonly desk: () => Desk,
    private readonly kind: K,
    question: () => Questions[K] | null,
    private readonly costly = false,
  ) {
    $effect(() => {
      const asked = question();
      const text = JSON.stringify(asked);
      // what grows with the run is asked again when it has grown
      const address = SETTLED.has(kind) ? text : `${desk().overview?.steps.length ?? 0} ${text}`;
      if (address === this.#address) return;
      this.#address = address;
      untrack(() => this.#next(JSON.parse(text) as Questions[K] | null));
    });
    $effect(() => () => this.#stop.abort());
    let stops = untrack(() => desk().stops);
    $effect(() => {
      if (costly && desk().stops > stops) untrack(() => this.#callOff());
      stops = desk().stops;
    });
  }

  #next(question: Questions[K] | null): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.loading = question !== null;
    if (question === null) {
      this.answer = this.refused = null;
      return;
    }
    const { signal } = this.#stop;
    const first = this.#began === -Infinity;
    const pause = this.costly && !first ? LONG_PAUSE : Math.max(0, this.#began + PAUSE - performance.now());
    const timer = setTimeout(() => void this.#ask(question, signal), first ? 0 : pause);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }

  #callOff(): void {
    if (!this.loading) return;
    this.#stop.abort();
    this.loading = false;
    if (!this.answer) this.refused = "stopped; ask again by another step or unit";
  }

  async #ask(question: Questions[K], signal: AbortSignal): Promise<void> {
    this.#began = performance.now();
    try {
      const found = await this.#answer(question, signal);
      if (signal.aborted) return;
      this.answer = found;
      this.refused = null;
    } catch (error) {
      if (signal.aborted) return;
      this.answer = null;
      this.refused = error instanceof Refusal ? error.message : "no answer: the connection is gone";
    }
    this.loading = false;
  }

  /** Not by `desk.ask`: what one section cannot show is no trouble of the whole desk. */
  async #answer(question: Questions[K], signal: AbortSignal): Promise<Answers[K]> {
    try {
      return await this.desk().host.ask(this.kind, question, signal);
    } catch (error) {
      // the same question of another section, which went away
      const another = error instanceof DOMException && error.name === "AbortError" && !signal.aborted;
      if (!another) throw error;
      return this.desk().host.ask(this.kind, question, signal);
    }
  }
}
