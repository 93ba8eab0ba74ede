/** A row of a chart of signed bars. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly hint?: string; // beside the name
  readonly detail?: string; // where the row is opened
  readonly from?: number; // where the bar begins
  readonly sum?: boolean; // what the bars before come to
  readonly rest?: boolean; // what is no cause of its own
}

/** The bars one after the other, each from where the one before ended; a sum begins at zero again. */
export function waterfall(bars: readonly Bar[]): Bar[] {
  let reached = 0;
  return bars.map((bar) => {
    const from = bar.sum ? 0 : reached;
    reached = from + bar.value;
    return { ...bar, from };
  });
}

/** The largest, and the rest in one bar. */
export function largest(bars: readonly Bar[], count: number): Bar[] {
  if (bars.length <= count + 1) return [...bars];
  const kept = new Set([...bars.keys()].sort((a, b) => Math.abs(bars[b]?.value ?? 0) - Math.abs(bars[a]?.value ?? 0)).slice(0, count));
  const rest = bars.reduce((sum, { value }, place) => (kept.has(place) ? sum : sum + value), 0);
  return [...bars.filter((_, place) => kept.has(place)), { name: `${bars.length - count} more`, value: rest, rest: true }];
}
