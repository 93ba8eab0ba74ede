import type { Checkup, Event } from "../messages";

/** How an event is drawn: a shape of its own, and what that stands for. */
export interface Mark {
  readonly shape: string; // of an SVG path, 12 by 12
  readonly filled: boolean;
  readonly tone: "plain" | "good" | "bad";
}

const MARKS: Readonly<Record<string, Mark>> = {
  start: { shape: "M2 1v6h8M7 4l3 3-3 3", filled: false, tone: "plain" },
  note: { shape: "M2.5 1h7v10h-7zM4.5 4h3M4.5 6.5h3", filled: false, tone: "plain" },
  learning_rate: { shape: "M1 3h5v6h5", filled: false, tone: "plain" },
  best_loss: { shape: "M1 2h10L6 11z", filled: true, tone: "good" },
  best_accuracy: { shape: "M1 10h10L6 1z", filled: true, tone: "good" },
  nonfinite: { shape: "M2 2l8 8M10 2l-8 8", filled: false, tone: "bad" },
  broken: { shape: "M4 1h4l3 3v4l-3 3H4L1 8V4z", filled: true, tone: "bad" },
  finding: { shape: "M6 1l5 10H1zM6 4.5v3M6 8.7v.6", filled: false, tone: "bad" },
  end: { shape: "M3 11V1h7L8 3.5 10 6H3", filled: false, tone: "plain" },
};
const OTHER: Mark = { shape: "M6 1l5 5-5 5-5-5z", filled: true, tone: "plain" };

export const markOf = (kind: string): Mark => MARKS[kind] ?? OTHER;

/** What a mark stands for: an event, or a finding by its rule. */
export interface Marked extends Event {
  readonly rule?: string;
}

/** Events and findings in the order of steps. */
export function marked(events: readonly Event[], checkup: Checkup | null): Marked[] {
  const found = checkup?.findings.map(({ rule, since, message }) => ({ step: since, kind: "finding", message, rule })) ?? [];
  return [...events, ...found].sort((one, other) => one.step - other.step);
}

/** Where to draw marks so that none lies over another: each as near to its own place as it can be. Places ascend. */
export function spread(places: readonly number[], width: number, apart: number): number[] {
  const gap = Math.min(apart, width / Math.max(1, places.length - 1));
  const found: number[] = [];
  for (const place of places) found.push(Math.max(place, (found.at(-1) ?? -Infinity) + gap));
  let most = width;
  for (let at = found.length - 1; at >= 0; at--) {
    found[at] = Math.min(found[at] ?? 0, most);
    most = (found[at] ?? 0) - gap;
  }
  return found;
}
