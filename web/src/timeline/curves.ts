import { css, mixed, type Colours } from "../strips/colours";
import { extremes, type Series } from "./series";

/** Training data solid over its own shadow, held-out data dashed: the same scale for both. */
export interface Lane {
  readonly training: Series | null;
  readonly heldOut: Series | null;
  readonly top: number;
  readonly height: number;
}

/** Draw a lane; what is logged more often than there are points keeps its extremes. */
export function drawLane(context: CanvasRenderingContext2D, lane: Lane, last: number, width: number, colours: Colours): void {
  const columns = Math.max(2, Math.floor(width));
  const of = (series: Series | null) => (series ? extremes(series, last, columns) : null);
  const [training, held] = [of(lane.training), of(lane.heldOut)];
  let [most, least] = [-Infinity, Infinity];
  for (const each of [training, held]) {
    for (let column = 0; each && column < columns; column++) {
      if (!Number.isFinite(each.low[column])) continue;
      most = Math.max(most, each.high[column] ?? most);
      least = Math.min(least, each.low[column] ?? least);
    }
  }
  if (most < least) return;
  const y = (value: number): number => lane.top + 2 + (most > least ? (most - value) / (most - least) : 0.5) * (lane.height - 4);
  const trace = ({ low, high }: { low: Float64Array; high: Float64Array }): { first: number; end: number } => {
    context.beginPath();
    let [first, end] = [NaN, NaN];
    for (let column = 0; column < columns; column++) {
      const [bottom, top] = [low[column] ?? NaN, high[column] ?? NaN];
      if (Number.isNaN(top)) continue;
      end = (column / (columns - 1)) * width;
      if (Number.isNaN(first)) first = end;
      context.lineTo(end, y(top));
      if (bottom !== top) context.lineTo(end, y(bottom));
    }
    return { first, end };
  };
  if (training) {
    const { first, end } = trace(training);
    context.lineTo(end, lane.top + lane.height);
    context.lineTo(first, lane.top + lane.height);
    context.fillStyle = css(mixed(colours.panel, colours.ink, 0.09));
    context.fill();
    trace(training);
    context.strokeStyle = css(colours.ink);
    context.lineWidth = 1.25;
    context.stroke();
  }
  if (held) {
    trace(held);
    context.strokeStyle = css(mixed(colours.panel, colours.ink, 0.65));
    context.lineWidth = 1.75;
    context.setLineDash([5, 3]);
    context.stroke();
    context.setLineDash([]);
  }
}

/** A tick for each snapshot, a longer one where gradients are kept too; one a point at most. */
export function drawTicks(context: CanvasRenderingContext2D, steps: readonly number[], long: ReadonlySet<number>, last: number, width: number, top: number, colours: Colours): void {
  context.fillStyle = css(mixed(colours.panel, colours.ink, 0.55));
  const tallest = new Map<number, number>();
  for (const step of steps) {
    const x = Math.min(width - 1, Math.round((step / last) * width));
    tallest.set(x, Math.max(tallest.get(x) ?? 0, long.has(step) ? 8 : 4));
  }
  for (const [x, height] of tallest) context.fillRect(x, top, 1, height);
}
