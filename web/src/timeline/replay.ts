const WHOLE = 10; // seconds that the whole training takes at speed 1

/** Where the playhead is after some seconds more: between the first step and the last, or at the start again. */
export function advanced(step: number, seconds: number, speed: number, last: number, loop: boolean): { step: number; ended: boolean } {
  const next = step + (seconds * speed * last) / WHOLE;
  if (next < last) return { step: next, ended: false };
  return loop && last > 0 ? { step: next % last, ended: false } : { step: last, ended: true };
}

/** The place of the last kept step up to a step; the first one where there is none. Steps ascend. */
export function keptAt(steps: readonly number[], step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

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
