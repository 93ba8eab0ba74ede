import type { Answers, Growth, Questions } from "../messages";

/** Where the page gets its answers: a server, a notebook's kernel, or the file that it lies in. */
export interface Host {
  ask<K extends keyof Questions>(kind: K, question: Questions[K], signal?: AbortSignal): Promise<Answers[K]>;
  /** Calls back when the run has grown, and when the connection comes and goes; returns how to stop. */
  follow(grown: (growth: Growth) => void, connected: (is: boolean) => void): () => void;
}

/** One line for the person who asked. */
export class Refusal extends Error {}
