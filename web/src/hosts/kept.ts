import { SETTLED, type Answers, type Growth, type Questions } from "../messages";
import type { Host } from "./host";

const BYTES = 200_000_000;

/** An answer, and who waits for it: the question is taken back when nobody does any more. */
class Entry {
  bytes = 0;
  readonly answer: Promise<unknown>;
  #waiting = 0;
  readonly #stop = new AbortController();

  constructor(ask: (signal: AbortSignal) => Promise<unknown>, private readonly left: () => void) {
    this.answer = ask(this.#stop.signal);
  }

  /** Who gives no signal waits in any case. */
  wait(signal: AbortSignal | undefined): Promise<unknown> {
    this.#waiting++;
    if (!signal) return this.answer;
    return new Promise((answered, refused) => {
      const leave = (): void => {
        refused(signal.reason);
        if (--this.#waiting) return;
        this.left();
        this.#stop.abort(signal.reason);
      };
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      const stay = (): void => signal.removeEventListener("abort", leave);
      this.answer.then(answered, refused).finally(stay);
    });
  }
}

/** Keeps what never changes, so that scrubbing to and fro asks once; the oldest goes when it gets too much. */
export class KeptHost implements Host {
  #known = new Map<string, Entry>();
  #bytes = 0;

  constructor(private readonly host: Host) {}

  ask<K extends keyof Questions>(kind: K, question: Questions[K], signal?: AbortSignal): Promise<Answers[K]> {
    if (!SETTLED.has(kind)) return this.host.ask(kind, question, signal);
    const address = kind + JSON.stringify(question, Object.keys(question).sort()); // however it was put together
    const entry = this.#known.get(address) ?? this.#asked(address, (stop) => this.host.ask(kind, question, stop));
    this.#known.delete(address);
    this.#known.set(address, entry);
    return entry.wait(signal) as Promise<Answers[K]>;
  }

  #asked(address: string, ask: (signal: AbortSignal) => Promise<unknown>): Entry {
    const forget = (): void => void (this.#known.get(address) === entry && this.#known.delete(address));
    const entry = new Entry(ask, forget);
    entry.answer.then((found) => this.#weigh(entry, size(found)), forget);
    return entry;
  }

  follow(grown: (growth: Growth) => void, connected: (is: boolean) => void): () => void {
    return this.host.follow(grown, connected);
  }

  #weigh(entry: Entry, bytes: number): void {
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
