/** What a person does with a picture; places are pixels from its top left. */
export interface Gestures {
  zoom(factor: number, x: number, y: number): void;
  move(x: number, y: number): void;
  hover(at: readonly [number, number] | null): void;
  pick(x: number, y: number): void;
  fit(): void;
}

const FAR = 4; // pixels after which a press is a drag
const SMOOTH = 300; // pixels of a wheel for a factor of e
const LINE = 20; // pixels of a wheel that counts lines

interface Finger {
  readonly x: number;
  readonly y: number;
}

/** Wheel and pinch zoom, dragging moves, a click picks, a double one fits. */
export function gestures(node: HTMLElement, on: Gestures): () => void {
  const fingers = new Map<number, Finger>();
  let dragged = false;
  const spot = ({ clientX, clientY }: MouseEvent): [number, number] => {
    const { left, top } = node.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };
  const heard = new AbortController();
  const hear = <K extends keyof HTMLElementEventMap>(name: K, listener: (event: HTMLElementEventMap[K]) => void): void =>
    node.addEventListener(name, listener, { signal: heard.signal, passive: false }); // the page must not scroll meanwhile

  hear("wheel", (event) => {
    event.preventDefault();
    const turned = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE : event.deltaY;
    on.zoom(Math.exp((event.ctrlKey ? -4 : -1) * (turned / SMOOTH)), ...spot(event)); // a pinch on a touchpad comes as little turns with ctrl
  });
  hear("pointerdown", (event) => {
    if (!fingers.size) dragged = false;
    const [x, y] = spot(event);
    fingers.set(event.pointerId, { x, y });
    node.setPointerCapture(event.pointerId);
  });
  hear("pointermove", (event) => {
    const [x, y] = spot(event);
    const before = fingers.get(event.pointerId);
    if (event.pointerType !== "touch") on.hover([x, y]);
    if (!before) return;
    if (!dragged && Math.hypot(x - before.x, y - before.y) < FAR) return;
    dragged = true;
    fingers.set(event.pointerId, { x, y });
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) pinch(before, { x, y }, other, on);
    else on.move(x - before.x, y - before.y);
  });
  const up = (event: PointerEvent): void => void fingers.delete(event.pointerId);
  hear("pointerup", up);
  hear("pointercancel", up);
  hear("pointerleave", () => on.hover(null));
  hear("click", (event) => !dragged && event.detail < 2 && on.pick(...spot(event)));
  hear("dblclick", () => on.fit());
  return () => heard.abort();
}

/** One of two fingers moves: what is under the other one stays there. */
function pinch(from: Finger, to: Finger, other: Finger, on: Gestures): void {
  const apart = ({ x, y }: Finger): number => Math.max(1, Math.hypot(x - other.x, y - other.y));
  on.zoom(apart(to) / apart(from), other.x, other.y);
}
