import { Refusal } from "../hosts/host";
import type { Checkup } from "../messages";
import type { Desk } from "../model/desk.svelte";
import { Latest } from "../model/latest";
import { pauseAfter } from "./pause";

/** What the check-up says of the run; asked again as the run grows, one at a time and with pauses. */
export class Checked {
  answer = $state.raw<Checkup | null>(null);
  refused = $state<string | null>(null);
  shown = $state(0); // how often a finding was asked to be brought into sight

  #asking = new Latest();
  #stop = new AbortController();

  constructor(private readonly desk: () => Desk) {}

  /** Call it whenever the run has grown: what comes in a pause waits for its end. */
  look(): void {
    const { signal } = this.#stop;
    this.#asking.run(async () => {
      const began = performance.now();
      await this.#ask(signal);
      await rest(pauseAfter(performance.now() - began), signal);
    });
  }

  /** Ask no more. */
  close(): void {
    this.#stop.abort();
  }

  /** The page with the card of a finding in sight. */
  show(rule: string): void {
    const { address } = this.desk();
    address.page = "checkup";
    address.finding = rule;
    this.shown += 1;
  }

  /** Not by `desk.ask`: without a check-up the desk has no trouble. */
  async #ask(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      this.answer = await this.desk().host.ask("checkup", {}, signal);
      this.refused = null;
    } catch (error) {
      // what was found stays while the server is away; it tells that by itself
      if (error instanceof Refusal) this.refused = error.message;
    }
  }
}

const rest = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    if (signal.aborted) return done();
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
