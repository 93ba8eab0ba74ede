import type { Loop } from "../model/address";

const SECONDS = 10; // that the whole training takes at speed 1
const SHORTEST = 2; // seconds that a loop takes at speed 1, however little of the training it is
const REST = 0.1; // of a loop, at its end: or its last snapshot would never be seen

/** The ends of a loop in a run whose last step is this one. */
export const within = ([from, to]: Loop, last: number): Loop => [Math.min(from, last), Math.min(to, last)];

/** Where the playhead is after some seconds more; `loop` says between which steps it goes round, null: it ends at the last. */
export function advanced(step: number, seconds: number, speed: number, last: number, loop: Loop | null): { step: number; ended: boolean } {
  const [from, to] = loop ? within(loop, last) : [0, last];
  const span = to - from;
  if (span <= 0) return { step: from, ended: true };
  const next = step + seconds * speed * (loop ? Math.min(last / SECONDS, span / SHORTEST) : last / SECONDS);
  if (!loop) return { step: Math.min(next, last), ended: next >= last };
  if (step < from || step > to + span * REST) return { step: from, ended: false };
  return { step: from + ((next - from) % (span * (1 + REST))), ended: false };
}

/** How many steps there are up to one. Steps ascend. */
export function countUpTo(steps: ArrayLike<number>, step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of the last kept step up to a step; the first one where there is none. Steps ascend. */
export const keptAt = (steps: readonly number[], step: number): number => Math.max(0, countUpTo(steps, step) - 1);

const WAYS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity };

/** How many kept steps a key of a slider goes on, or back; none where it is no such key, or one of the browser's. */
export const wayOf = ({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): number | undefined => (ctrlKey || metaKey || altKey ? undefined : WAYS[key]);

/** The kept step so many further on, or back; it stays within the first and the last. */
export function neighbour(steps: readonly number[], step: number, by: number): number {
  return steps[Math.min(steps.length - 1, Math.max(0, keptAt(steps, step) + by))] ?? 0;
}

/** The kept step that lies nearest; the earlier of two that are as near. */
export function nearest(steps: readonly number[], step: number): number {
  const place = keptAt(steps, step);
  const [before, after] = [steps[place] ?? 0, steps[place + 1]];
  return after !== undefined && after - step < Math.abs(step - before) ? after : before;
}

/** Round steps to write along an axis, at least so many points apart; none so near the end that it meets that label. */
export function labelled(last: number, width: number, apart = 90): number[] {
  if (last <= 0 || width < apart) return [0];
  const least = (last * apart) / width;
  const power = 10 ** Math.floor(Math.log10(least));
  const by = Math.max(1, [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least) ?? 10 * power);
  const found: number[] = [];
  for (let step = 0; step <= last - least; step += by) found.push(step);
  return found;
}
