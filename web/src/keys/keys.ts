import type { Desk } from "../model/desk.svelte";
import { muting, soloing, toggled } from "../model/mix";
import { WHOLE, withEnd } from "../timeline/loop";
import { neighbour } from "../timeline/replay";

export interface Key {
  readonly keys: string;
  readonly words: string;
  /** Whether an event is this key. */
  is(event: KeyboardEvent): boolean;
  /** `root` is the element that holds the whole desk. */
  run(desk: Desk, sheet: () => void, root: Element | null): void;
}

const plain = (key: string) => (event: KeyboardEvent) => event.key === key && !event.ctrlKey && !event.metaKey && !event.altKey;
const control = (key: string, shift: boolean) => (event: KeyboardEvent) =>
  (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === key && event.shiftKey === shift;

const step = (desk: Desk, by: number): void => {
  desk.playing = false;
  desk.address.step = neighbour(desk.overview?.steps ?? [], desk.step, by);
};
const loop = (desk: Desk, end: "from" | "to"): void => {
  desk.address.loop = withEnd(desk.address.loop, end, desk.step, desk.overview?.steps ?? []);
};
const unit = (desk: Desk, by: number): void => {
  const { layer } = desk;
  if (!layer) return;
  const next = (desk.address.unit ?? (by > 0 ? -1 : 0)) + by;
  desk.choose(layer.name, Math.min(layer.units - 1, Math.max(0, next)));
};
const layer = (desk: Desk, by: number): void => {
  const here = desk.layers.findIndex((each) => each === desk.layer);
  const next = desk.layers[Math.min(desk.layers.length - 1, Math.max(0, here + by))];
  if (next) desk.choose(next.name);
};
const toggle = (desk: Desk, of: (layer: string, unit: number) => string): void => {
  if (desk.layer && desk.address.unit !== null && desk.canTurn) {
    desk.become(toggled(desk.address.turns, of(desk.layer.name, desk.address.unit)));
  }
};

/** Every key of the desk, as the sheet lists them. */
export const KEYS: readonly Key[] = [
  { keys: "space", words: "play or pause", is: plain(" "), run: (desk) => (desk.playing = !desk.playing) },
  { keys: "←", words: "one snapshot back", is: plain("ArrowLeft"), run: (desk) => step(desk, -1) },
  { keys: "→", words: "one snapshot on", is: plain("ArrowRight"), run: (desk) => step(desk, 1) },
  { keys: "home", words: "back to the start", is: plain("Home"), run: (desk) => step(desk, -Infinity) },
  { keys: "end", words: "to the last snapshot", is: plain("End"), run: (desk) => step(desk, Infinity) },
  { keys: "i", words: "loop from here", is: plain("i"), run: (desk) => loop(desk, "from") },
  { keys: "o", words: "loop to here", is: plain("o"), run: (desk) => loop(desk, "to") },
  { keys: "l", words: "loop, or no more", is: plain("l"), run: (desk) => (desk.address.loop = desk.address.loop ? null : WHOLE) },
  { keys: "b", words: "original or turned", is: plain("b"), run: (desk) => (desk.address.bypassed = !desk.address.bypassed) },
  { keys: "ctrl z", words: "undo", is: control("z", false), run: (desk) => desk.undo() },
  { keys: "ctrl shift z", words: "redo", is: control("z", true), run: (desk) => desk.redo() },
  { keys: "m", words: "mute the chosen unit", is: plain("m"), run: (desk) => toggle(desk, muting) },
  { keys: "s", words: "solo the chosen unit", is: plain("s"), run: (desk) => toggle(desk, soloing) },
  { keys: "[", words: "previous unit", is: plain("["), run: (desk) => unit(desk, -1) },
  { keys: "]", words: "next unit", is: plain("]"), run: (desk) => unit(desk, 1) },
  { keys: ",", words: "previous layer", is: plain(","), run: (desk) => layer(desk, -1) },
  { keys: ".", words: "next layer", is: plain("."), run: (desk) => layer(desk, 1) },
  { keys: "/", words: "find a layer or a unit", is: plain("/"), run: (_desk, _sheet, root) => root?.querySelector<HTMLElement>("input[type=search]")?.focus() },
  { keys: "esc", words: "close what is open", is: plain("Escape"), run: (desk) => (desk.refusal = null) },
  { keys: "?", words: "this sheet", is: plain("?"), run: (_, sheet) => sheet() },
];

/** What keys and the pointer do on a part of the desk that has the focus; the part sees to it. */
export const ELSEWHERE: readonly Pick<Key, "keys" | "words">[] = [
  { keys: "↑ ↓ on a knob", words: "turn it; with shift finer" },
  { keys: "double click", words: "put a knob back" },
  { keys: "← → on the timeline", words: "one snapshot; page up and down five" },
  { keys: "shift drag on the timeline", words: "loop a part; delete on an end of it: no more" },
  { keys: "← → on an event", words: "another event; enter goes to its step or finding" },
  { keys: "arrows on the input", words: "move the pen; space draws, delete clears" },
];

const MOVES = /^(Arrow|Home$|End$|Page)/;

/** On a knob or in a field a key belongs to that. */
export function isTaken(event: KeyboardEvent): boolean {
  const at = (event.composedPath()[0] ?? event.target) as HTMLElement | null; // in the shadow that a notebook may put it into
  if (!at?.closest || event.defaultPrevented) return event.defaultPrevented;
  if (at.closest("input[type=range], [role=slider], [role=tree], [role=tablist], [role=grid], [role=application]")) return MOVES.test(event.key);
  if (at.closest("input, textarea, select, dialog, [contenteditable]")) return true;
  return event.key === " " && at.closest("button, summary, a") !== null;
}
