/** Runs one piece of work at a time and, when it is done, the newest of those that came meanwhile. */
export class Latest {
  /** What is under way; never fails. */
  present: Promise<void> = Promise.resolve();
  #running = false;
  #next: (() => Promise<void>) | undefined;

  run(work: () => Promise<void>): void {
    this.#next = work;
    if (!this.#running) void this.#work();
  }

  async #work(): Promise<void> {
    this.#running = true;
    while (this.#next) {
      const work = this.#next;
      this.#next = undefined;
      await (this.present = work().catch(() => undefined));
    }
    this.#running = false;
  }
}
