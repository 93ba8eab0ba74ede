import type { Answers, Growth, Questions } from "../messages";
import { Refusal, type Host } from "./host";
import { unpack } from "./wire";

/** The part of a notebook's widget model that is used. */
export interface WidgetModel {
  get(name: "height"): number;
  get(name: "at"): string;
  set(name: "at", value: string): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: (...given: never[]) => void): void;
  off(event: string, callback: (...given: never[]) => void): void;
}

interface Asked {
  readonly id: string;
  readonly content: { readonly kind: string; readonly question: unknown };
  readonly answer: (packed: ArrayBuffer) => void;
  readonly refuse: (reason: unknown) => void;
}

const AGAIN = 1000; // milliseconds between two looks at a run that grows
const GONE = "the kernel that answered this desk is gone: run its cell again";

/**
 * Answers from the kernel of the notebook. A kernel answers one after the other, so only one question is
 * on its way at a time; one that nobody wants to know any more by then is never sent.
 */
export class WidgetHost implements Host {
  readonly #name = Math.random().toString(36).slice(2); // several pages may share the model
  #count = 0;
  #asked: Asked[] = []; // the first one is on its way
  #gone = false;

  constructor(private readonly model: WidgetModel) {
    model.on("msg:custom", this.#hear);
    model.on("comm_live_update", this.#lose); // the connection is there already; it can only go
  }

  ask<K extends keyof Questions>(kind: K, question: Questions[K], signal?: AbortSignal): Promise<Answers[K]> {
    return new Promise<ArrayBuffer>((answer, refuse) => {
      if (this.#gone) return refuse(new Refusal(GONE));
      if (signal?.aborted) return refuse(signal.reason);
      const asked = { id: `${this.#name}-${this.#count++}`, content: { kind, question }, answer, refuse };
      signal?.addEventListener("abort", () => this.#leave(asked, signal.reason), { once: true });
      this.#asked.push(asked);
      if (this.#asked.length === 1) this.#send();
    }).then((packed) => unpack(packed) as Answers[K]);
  }

  /** A kernel tells nothing by itself; while the training runs, in another process, it is asked. */
  follow(grown: (growth: Growth) => void, connected: (is: boolean) => void): () => void {
    connected(true); // a lost kernel never comes back to this desk, so its loss is told as a refusal
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      const growth = await this.ask("growth", {}).catch(() => null);
      if (!growth) return;
      grown(growth);
      if (growth.status === "running") timer = setTimeout(look, AGAIN);
    };
    timer = setTimeout(look, AGAIN);
    return () => clearTimeout(timer);
  }

  /** Listen no longer. */
  close(): void {
    this.model.off("msg:custom", this.#hear);
    this.model.off("comm_live_update", this.#lose);
    this.#refuse(new DOMException("the desk was closed", "AbortError"));
  }

  #send(): void {
    const [first] = this.#asked;
    if (first) this.model.send({ id: first.id, ...first.content });
  }

  #leave(asked: Asked, reason: unknown): void {
    asked.refuse(reason);
    const place = this.#asked.indexOf(asked);
    if (place > 0) this.#asked.splice(place, 1);
  }

  readonly #hear = (content: { id?: string; error?: string }, buffers: readonly (DataView | ArrayBuffer)[]): void => {
    const [first] = this.#asked;
    if (!first || content.id !== first.id) return; // to another page, or of before
    this.#asked.shift();
    this.#send();
    const [packed] = buffers;
    if (packed) first.answer(bytes(packed));
    else first.refuse(new Refusal(content.error ?? "the kernel gave no answer"));
  };

  readonly #lose = (): void => {
    this.#gone = true;
    this.#refuse(new Refusal(GONE));
  };

  #refuse(reason: unknown): void {
    for (const { refuse } of this.#asked.splice(0)) refuse(reason);
  }
}

/** Bytes of their own: arrays in them must begin at multiples of their size, and a view may begin anywhere. */
function bytes(given: DataView | ArrayBuffer): ArrayBuffer {
  if (given instanceof ArrayBuffer) return given;
  return (given.buffer as ArrayBuffer).slice(given.byteOffset, given.byteOffset + given.byteLength);
}
