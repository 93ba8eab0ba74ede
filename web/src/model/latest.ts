/** Runs one piece of work at a time and, when it is done, the newest of those that came meanwhile. */
export class Latest {
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
      await work().catch(() => undefined);
    }
    this.#running = false;
  }
}
