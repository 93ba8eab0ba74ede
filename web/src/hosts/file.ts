import { COMPUTED } from "../engine/answers/computed";
import { Rig } from "../engine/rig";
import type { Answers, Growth, Questions } from "../messages";
import { Embedded } from "./embedded";
import { Refusal, type Host } from "./host";

/** Answers from the file that the page is: what lies in it, and what can be computed from that. */
export class FileHost implements Host {
  readonly #embedded: Promise<Embedded>;
  readonly #rig: Promise<Rig>;

  constructor(text: string) {
    this.#embedded = Embedded.read(text);
    this.#rig = this.#embedded.then(({ source }) => new Rig(source));
  }

  async ask<K extends keyof Questions>(kind: K, question: Questions[K], signal?: AbortSignal): Promise<Answers[K]> {
    const known = (await this.#embedded).find(kind, question);
    if (known) return known;
    const compute = COMPUTED[kind];
    if (!compute) throw new Refusal(`not in this file: open the run with \`weightdesk open\` for ${NAMES[kind] ?? kind}`);
    return compute(await this.#rig, question, signal);
  }

  /** A file does not grow. */
  follow(_grown: (growth: Growth) => void, connected: (is: boolean) => void): () => void {
    connected(true);
    return () => undefined;
  }
}

const NAMES: Readonly<Record<string, string>> = {
  save: "saving turned weights",
  update: "why a step moved a weight",
  gradient: "who pushed a weight",
  captured: "what its layers capture",
  checkup: "its check-up",
};
