import { untrack } from "svelte";
import { SvelteMap } from "svelte/reactivity";
import type { Trend, TrendWarning } from "../messages";
import type { Desk } from "../model/desk.svelte";
import { marksOf, parted } from "./trend";

const REST = 20; // milliseconds between what nobody sees yet

/** The trends of all parameters and modules: first of those that are in view, then of the others, for the modules' marks. */
export class Trends {
  readonly known = new SvelteMap<string, Trend>();
  #warnings = $state.raw<ReadonlyMap<string, TrendWarning>>(new Map());
  readonly marks = $derived(marksOf(this.#warnings));

  #parts: readonly (readonly string[])[] = []; // what is asked for together
  #places = new Map<string, number>();
  #wanted: readonly number[] = [];
  #asked = new Set<number>();
  #stop = new AbortController();
  #working = false;

  /** Make it where a component begins; `modules` names those that stand for no parameter, `inView` what can be seen. */
  constructor(
    private readonly desk: Desk,
    modules: () => readonly string[],
    inView: () => readonly string[],
  ) {
    $effect(() => {
      this.#parts = [desk.overview?.parameters.map(({ name }) => name) ?? [], modules()].flatMap(parted);
      this.#places = new Map(this.#parts.flatMap((part, place) => part.map((name) => [name, place] as const)));
      this.#asked.clear(); // the run has grown
      untrack(() => this.#work());
    });
    $effect(() => {
      this.#wanted = [...new Set(inView().map((name) => this.#places.get(name) ?? 0))];
      untrack(() => this.#work());
    });
    $effect(() => () => this.#stop.abort());
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (let part = this.#next(); part !== null && !this.#stop.signal.aborted; part = this.#next()) {
      this.#asked.add(part);
      const inView = this.#wanted.includes(part);
      await this.#ask(this.#parts[part] ?? []);
      if (!inView) await new Promise((done) => setTimeout(done, REST));
    }
    this.#working = false;
  }

  #next(): number | null {
    const open = (part: number): boolean => !this.#asked.has(part);
    return this.#wanted.find((part) => open(part) && part < this.#parts.length) ?? [...this.#parts.keys()].find(open) ?? null;
  }

  async #ask(names: readonly string[]): Promise<void> {
    try {
      const { trends } = await this.desk.host.ask("trends", { names }, this.#stop.signal);
      for (const each of trends) this.known.set(each.name, each);
      this.#warn(trends);
    } catch {
      // a tree without its small lines is still a tree
    }
  }

  #warn(trends: readonly Trend[]): void {
    const same = trends.every(({ name, warning }) => this.#warnings.get(name)?.line === warning?.line);
    if (same) return;
    const next = new Map(this.#warnings);
    for (const { name, warning } of trends) {
      if (warning) next.set(name, warning);
      else next.delete(name);
    }
    this.#warnings = next;
  }
}
