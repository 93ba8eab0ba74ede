import type { Loop } from "../model/address";
import { keptAt, neighbour, within } from "./replay";

export const WHOLE: Loop = [0, Infinity];

/** The part between two steps, whichever is first; null where they are one. */
export const between = (one: number, other: number): Loop | null => (one === other ? null : [Math.min(one, other), Math.max(one, other)]);

/** A loop with one end put elsewhere; the other one makes way where they would meet. Steps ascend. */
export function withEnd(loop: Loop | null, end: "from" | "to", step: number, steps: readonly number[]): Loop | null {
  const [first, last] = [steps[0] ?? 0, steps.at(-1) ?? 0];
  const [from, to] = within(loop ?? WHOLE, last);
  if (end === "from") return between(Math.min(step, neighbour(steps, last, -1)), to > step ? to : last);
  const after = steps[keptAt(steps, first) + 1] ?? last;
  return between(from < step ? from : first, Math.max(step, after));
}
