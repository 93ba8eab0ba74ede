import type { Loop } from "../model/address";
import type { Desk } from "../model/desk.svelte";
import { isLarge } from "../model/large";
import { advanced, keptAt, within } from "./replay";

const AHEAD = 3; // snapshots that are asked for before they are shown

/** Moves the playhead on while the desk plays. */
export class Replay {
  #position = 0;
  #before = 0;
  #frame = 0;

  constructor(private readonly desk: Desk) {}

  /** Begin at the playhead, or at the start where that is at the end or outside the loop; returns how to stop. */
  start(): () => void {
    const { step } = this.desk;
    const [from, to] = this.#part;
    this.#position = step < from || step >= to ? from : step;
    this.#before = performance.now();
    this.#frame = requestAnimationFrame(this.#move);
    document.addEventListener("visibilitychange", this.#hide);
    return () => {
      cancelAnimationFrame(this.#frame);
      document.removeEventListener("visibilitychange", this.#hide);
    };
  }

  get #last(): number {
    return this.desk.overview?.steps.at(-1) ?? 0;
  }

  get #part(): Loop {
    const { loop } = this.desk.address;
    return loop ? within(loop, this.#last) : [0, this.#last];
  }

  #move = (now: number): void => {
    const { desk } = this;
    const steps = desk.overview?.steps ?? [];
    // a long frame, such as one in which much is drawn, does not make it leap
    const seconds = Math.min(0.25, Math.max(0, now - this.#before) / 1000);
    this.#before = now;
    const { step, ended } = advanced(this.#position, seconds, desk.speed, this.#last, desk.address.loop);
    this.#position = step;
    const [, to] = this.#part;
    const place = keptAt(steps, Math.min(step, to)); // it rests at the end of a loop
    const kept = steps[place] ?? 0;
    if (desk.address.step !== kept) {
      desk.address.step = kept;
      this.#fetch(steps.slice(place + 1, place + 1 + AHEAD).filter((each) => each <= to));
    }
    if (ended) desk.playing = false;
    else this.#frame = requestAnimationFrame(this.#move);
  };

  #hide = (): void => {
    if (document.hidden) this.desk.playing = false;
  };

  /** What `Desk.look` will ask for. */
  #fetch(steps: readonly number[]): void {
    const { desk } = this;
    const { layer, turns, host } = desk;
    if (!layer) return;
    const names = [...(isLarge(layer) ? [] : [layer.weight.name]), ...(layer.bias ? [layer.bias.name] : [])];
    const mixes = turns.length ? [[], turns] : [[]];
    for (const step of steps) {
      for (const parameter of names) {
        for (const turns of mixes) host.ask("weights", desk.weightsOf(parameter, step, turns)).catch(() => undefined);
      }
    }
  }
}
