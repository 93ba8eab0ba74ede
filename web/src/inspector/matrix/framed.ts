/** Draws what it is given, but once a frame: of all that comes meanwhile, the newest in the next one. */
export class Framed<T> {
  #newest: T | null = null;
  #request = 0;

  constructor(private readonly draw: (given: T) => void) {}

  give(newest: T): void {
    if (this.#request) {
      this.#newest = newest;
      return;
    }
    this.draw(newest);
    this.#request = requestAnimationFrame(this.#next);
  }

  stop(): void {
    cancelAnimationFrame(this.#request);
  }

  #next = (): void => {
    const newest = this.#newest;
    this.#request = 0;
    this.#newest = null;
    if (newest !== null) this.give(newest);
  };
}
