import type { Attachment } from "svelte/attachments";

/** A value that is turned by dragging up and down, by the wheel and by arrow keys; Shift is ten times finer. */
export interface Turnable {
  readonly value: number;
  readonly step: number; // of an arrow key
  readonly perPixel: number; // of dragging
  readonly least?: number;
  readonly most?: number;
  readonly disabled?: boolean;
  turn(value: number): void;
  reset(): void;
}

const STILL = 3; // points that a click may move without turning anything
const KEYS: Record<string, number> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

/** Attach to what is turned; `of` gives its state at that moment, null while there is nothing to turn. */
export function turnable(of: () => Turnable | null, wheels: (node: HTMLElement) => boolean = focused): Attachment<HTMLElement> {
  return (node) => {
    let held: { y: number; value: number; perPixel: number; turning: boolean } | null = null;
    const usable = (): Turnable | null => {
      const now = of();
      return now && !now.disabled ? now : null;
    };

    const down = (event: PointerEvent): void => {
      const now = event.button === 0 ? usable() : null;
      if (!now) return;
      held = { y: event.clientY, value: now.value, perPixel: now.perPixel, turning: false };
      node.setPointerCapture(event.pointerId);
    };
    const move = (event: PointerEvent): void => {
      const now = usable();
      if (!held || !now || event.clientY === held.y) return;
      if (!held.turning && Math.abs(event.clientY - held.y) < STILL) return;
      const by = (held.y - event.clientY) * held.perPixel * (event.shiftKey ? 0.1 : 1);
      held = { ...held, turning: true, y: event.clientY, value: limited(held.value + by, now) };
      now.turn(rounded(held.value, now.step));
    };
    const up = (): void => {
      held = null;
    };
    const key = (event: KeyboardEvent): void => {
      const now = usable();
      const steps = KEYS[event.key];
      if (!now || steps === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      turnBy(now, steps * (event.shiftKey ? 0.1 : 1));
    };
    const wheel = (event: WheelEvent): void => {
      const now = wheels(node) ? usable() : null;
      const way = event.deltaY || (event.shiftKey ? event.deltaX : 0); // with Shift some browsers scroll sideways
      if (!now || !way) return;
      event.preventDefault();
      event.stopPropagation();
      turnBy(now, -Math.sign(way) * (event.shiftKey ? 0.1 : 1));
    };
    const reset = (): void => usable()?.reset();

    const ends = new AbortController();
    const on = { signal: ends.signal };
    node.addEventListener("pointerdown", down, on);
    node.addEventListener("pointermove", move, on);
    node.addEventListener("pointerup", up, on);
    node.addEventListener("pointercancel", up, on);
    node.addEventListener("keydown", key, on);
    node.addEventListener("wheel", wheel, { ...on, passive: false });
    node.addEventListener("dblclick", reset, on);
    return () => ends.abort();
  };
}

/** To a hundredth of a step, so that a turn reads well. */
export function rounded(value: number, step: number): number {
  const digits = Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(step || 1))));
  return Number(value.toFixed(digits));
}

/** The next of 1, 2 and 5 times a power of ten; what the ends of a dial say. */
export function roundUp(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5, 10].find((each) => each * power >= value * (1 - 1e-9)) ?? 10);
}

/** With its sign always, in as many digits as its size needs. */
export function written(value: number, digits = 3): string {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size >= 1e4 || size < 1e-3 ? size.toExponential(1) : size.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : digits);
  return `${value < 0 ? "−" : "+"}${text}`;
}

/** The same where there is little room: never more than five figures wide. */
export function short(value: number): string {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const digits = size < 0.0995 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  const text = size >= 1e5 ? size.toExponential(0) : size.toFixed(size === 0 ? 2 : digits);
  return `${value < 0 ? "−" : "+"}${text}`;
}

/** Some notebooks put a widget into a shadow, whose document knows only that the focus is somewhere in it. */
const focused = (node: HTMLElement): boolean => node === (node.getRootNode() as Document | ShadowRoot).activeElement;

function turnBy(now: Turnable, steps: number): void {
  now.turn(rounded(limited(now.value + steps * now.step, now), now.step));
}

function limited(value: number, { least = -Infinity, most = Infinity }: Turnable): number {
  return Math.min(most, Math.max(least, value));
}
