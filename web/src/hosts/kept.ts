import { SETTLED, type Answers, type Growth, type Questions } from "../messages";
import type { Host } from "./host";

const BYTES = 200_000_000;

/** Keeps what never changes, so that scrubbing to and fro asks once; the oldest goes when it gets too much. */
export class KeptHost implements Host {
  #known = new Map<string, { answer: Promise<unknown>; bytes: number }>();
  #bytes = 0;

  constructor(private readonly host: Host) {}

  ask<K extends keyof Questions>(kind: K, question: Questions[K], signal?: AbortSignal): Promise<Answers[K]> {
    if (!SETTLED.has(kind)) return this.host.ask(kind, question, signal);
    const address = kind + JSON.stringify(question);
    const known = this.#known.get(address);
    if (known) {
      this.#known.delete(address);
      this.#known.set(address, known);
      return known.answer as Promise<Answers[K]>;
    }
    const answer = this.host.ask(kind, question, signal);
    const entry = { answer, bytes: 0 };
    this.#known.set(address, entry);
    answer.then(
      (found) => this.#weigh(entry, size(found)),
      () => this.#known.delete(address),
    );
    return answer;
  }

  follow(grown: (growth: Growth) => void, connected: (is: boolean) => void): () => void {
    return this.host.follow(grown, connected);
  }

  #weigh(entry: { bytes: number }, bytes: number): void {
    entry.bytes = bytes;
    this.#bytes += bytes;
    for (const [address, { bytes: theirs }] of this.#known) {
      if (this.#bytes <= BYTES) break;
      this.#known.delete(address);
      this.#bytes -= theirs;
    }
  }
}

function size(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value === null || typeof value !== "object") return 8;
  return Object.values(value).reduce((sum: number, each) => sum + size(each), 16);
}
