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
    let before = "";
    const read = (): void => {
      const found = Object.fromEntries(NAMES.map((name) => [name, colour(probe, name)])) as Colours;
      const text = JSON.stringify(found);
      if (text !== before) this.colours = found; // attributes change for other reasons as well
      before = text;
    };
    read();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", read);
    // A notebook changes its theme by attributes of its own, of the page or of what is around a single desk.
    const seen = new MutationObserver(read);
    for (const each of around(node)) seen.observe(each, { attributes: true });
    return () => {
      dark.removeEventListener("change", read);
      seen.disconnect();
      probe.remove();
    };
  };
}

/** The elements that an element is in, out of the shadows that notebooks put a desk into. */
function* around(node: Element): Generator<Element> {
  const { parentNode } = node;
  const outer = parentNode instanceof ShadowRoot ? parentNode.host : node.parentElement;
  if (!outer) return;
  yield outer;
  yield* around(outer);
}

function colour(probe: HTMLElement, name: keyof Colours): Rgb {
  probe.style.color = `var(--${name})`;
  return rgbOf(getComputedStyle(probe).color);
}
