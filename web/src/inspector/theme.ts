import { createSubscriber } from "svelte/reactivity";

/** Calls in an effect or a derived come again when the page turns dark or light. */
export const themed = createSubscriber((update) => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const watcher = new MutationObserver(update);
  // a notebook changes its theme by attributes of its own
  for (const each of [document.documentElement, document.body, document.querySelector(".weightdesk")])
    if (each) watcher.observe(each, { attributes: true });
  dark.addEventListener("change", update);
  return () => {
    watcher.disconnect();
    dark.removeEventListener("change", update);
  };
});

/** A colour of the look as a canvas understands it: what `light-dark(…)` comes to at an element. */
export function colour(at: HTMLElement, name: string): string {
  themed();
  const before = at.style.color;
  at.style.color = `var(--${name})`;
  const found = getComputedStyle(at).color;
  at.style.color = before;
  return found;
}

export type Shade = readonly [number, number, number];

export function shade(at: HTMLElement, name: string): Shade {
  const [red = 0, green = 0, blue = 0] = (colour(at, name).match(/[\d.]+/g) ?? []).map(Number);
  return [red, green, blue];
}
