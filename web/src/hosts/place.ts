import type { WidgetModel } from "./widget";

const PAUSE = 100; // milliseconds between two writings while something is dragged or played

/** Where it is written what the desk shows, so that it can be shown again. */
export interface Place {
  /** Whether the desk has a page of its own: its address, and all keys. */
  readonly isPage: boolean;
  readonly start: string;
  write(link: string): void;
  /** What somebody is to be given who should see the same. */
  share(): string;
  /** Calls back when somebody asks for something else to be shown; returns how to stop. */
  follow(moved: (link: string) => void): () => void;
}

/** The part of a page's address behind #; written with a pause, as browsers take only so many a second. */
export class AddressBar implements Place {
  readonly isPage = true;
  #written = "";
  #at = -Infinity;
  #next: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The key that the page was opened with goes out of sight: from now on a cookie stands for it. */
  constructor() {
    const link = new URL(location.href);
    if (!link.searchParams.has("token")) return;
    link.searchParams.delete("token");
    history.replaceState(history.state, "", link);
  }

  get start(): string {
    return location.hash;
  }

  write(link: string): void {
    this.#next = `#${link}`;
    const rest = this.#at + PAUSE - performance.now();
    if (rest <= 0) this.#put();
    else this.#timer ??= setTimeout(this.#put, rest);
  }

  share(): string {
    this.#put();
    return location.href;
  }

  follow(moved: (link: string) => void): () => void {
    const hear = (): void => {
      if (location.hash !== this.#written) moved(location.hash);
    };
    addEventListener("hashchange", hear);
    addEventListener("pagehide", this.#put);
    return () => {
      removeEventListener("hashchange", hear);
      removeEventListener("pagehide", this.#put);
    };
  }

  readonly #put = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#next === null) return;
    this.#at = performance.now();
    this.#written = this.#next;
    this.#next = null;
    history.replaceState(null, "", this.#written);
  };
}

/** `at` of the widget: in Python `show(…, at=…)` begins there, and `widget.at` tells where the desk is now. */
export class WidgetState implements Place {
  readonly isPage = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #link = "";

  constructor(private readonly model: WidgetModel) {}

  get start(): string {
    return this.model.get("at");
  }

  write(link: string): void {
    this.#link = link;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.model.set("at", link);
      this.model.save_changes();
    }, PAUSE);
  }

  share(): string {
    return `at=${JSON.stringify(this.#link)}`;
  }

  follow(moved: (link: string) => void): () => void {
    const hear = (): void => {
      if (this.model.get("at") !== this.#link) moved(this.model.get("at"));
    };
    this.model.on("change:at", hear);
    return () => this.model.off("change:at", hear);
  }
}
