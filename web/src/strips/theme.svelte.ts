import { NAMES, rgbOf, type Colours, type Rgb } from "./colours";

/** The theme's colours in a part of the page, read once and again whenever they change. */
export class Theme {
  colours = $state.raw<Colours | null>(null);

  /** To attach to an element of that part. */
  watch = (node: HTMLElement): (() => void) => {
    // A property such as --positive is `light-dark(…)` as it is written; only a real colour is computed.
    const probe = document.createElement("span");
    probe.hidden = true;
    node.append(probe);
    const read = (): void => {
      this.colours = Object.fromEntries(NAMES.map((name) => [name, colour(probe, name)])) as Record<keyof Colours, Rgb>;
    };
    read();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", read);
    // A notebook changes its theme by attributes of its own.
    const seen = new MutationObserver(read);
    for (const each of [document.documentElement, document.body, node.closest(".weightdesk") ?? node]) seen.observe(each, { attributes: true });
    return () => {
      dark.removeEventListener("change", read);
      seen.disconnect();
      probe.remove();
    };
  };
}

function colour(probe: HTMLElement, name: keyof Colours): Rgb {
  probe.style.color = `var(--${name})`;
  return rgbOf(getComputedStyle(probe).color);
}
