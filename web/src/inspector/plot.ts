import uPlot from "uplot";
import type { Colours } from "../strips/colours";
import { tick } from "./figures";

/** What one line of a plot shows, and in which colour of the look. */
export interface Line {
  readonly name: string;
  readonly values: ArrayLike<number | null>;
  readonly colour: keyof Colours;
  readonly faint?: boolean;
  readonly dashed?: boolean; // what is expected, beside what is
  readonly marks?: boolean; // a mark at each place, where between two there is nothing
  readonly fillTo?: number; // number of the line down to which the space is shaded
}

/** The theme's colours as a canvas takes them. */
type Colour = (name: keyof Colours) => string;

/** From where to where an axis goes, where plots side by side have one scale; what lies outside is cut off. */
export type Range = readonly [from: number, to: number];

export interface Looks {
  readonly colour: Colour;
  readonly width: number;
  readonly height: number;
  readonly log: boolean;
  readonly across?: Range | undefined;
  readonly along?: Range | undefined;
}

type Values = (number | null)[];

/** Numbers that a plot can draw: none that are not finite, on a log scale only those above zero. */
export const drawable = (values: ArrayLike<number | null>, log: boolean): Values =>
  Array.from(values, (value) => (value === null || !Number.isFinite(value) || (log && value <= 0) ? null : value));

/** The options of a plot without a legend of its own; `draw` paints what lies above the lines. */
export function options(lines: readonly Line[], looks: Looks, draw: (plot: uPlot) => void, moved: (plot: uPlot) => void): uPlot.Options {
  const { colour, width, height, log, across, along } = looks;
  const axis = { stroke: colour("soft"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  const isRound = (value: number): boolean => !log || Number.isInteger(Number(Math.log10(value).toFixed(9)));
  const grid = { stroke: colour("hairline"), width: 1, filter: (_: uPlot, values: number[]) => values.map((each) => (isRound(each) ? each : null)) };
  return {
    width,
    height,
    padding: [6, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: false, ...fixed(across) }, y: { ...(log ? { distr: 3 as const } : {}), ...fixed(along) } },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: lines.some((each) => each.marks) ? 24 : 60, values: (_, ticks) => ticks.map((each) => (Number.isInteger(each) ? tick(each) : "")) },
      { ...axis, grid, size: 46, space: 24, values: (_, ticks) => ticks.map((each) => (each === null ? "" : tick(each))) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.name,
        stroke: colour(line.colour),
        width: line.faint ? 0 : 1.5,
        ...(line.dashed ? { dash: [4, 3] } : {}),
        points: { show: line.marks || line.values.length < 3, size: line.marks ? 5 : 4 },
        spanGaps: true,
      })),
    ],
    bands: lines.flatMap((line, place) =>
      line.fillTo === undefined ? [] : [{ series: [place + 1, line.fillTo + 1] as [number, number], fill: faded(colour(line.colour)) }],
    ),
    hooks: { draw: [draw], setCursor: [moved] },
  };
}

const fixed = (range: Range | undefined): { range?: uPlot.Range.MinMax } => (range ? { range: [range[0], range[1]] } : {});

/** A colour as it is seen through. */
const faded = (colour: string, opacity = 0.18): string => colour.replace(/\)$/, ` / ${opacity})`);

export interface Marks {
  readonly now: number | null;
  readonly ticks: ArrayLike<number>;
}

/** The playhead, the zero line and the ticks of the snapshots. */
export function paint(plot: uPlot, { now, ticks }: Marks, colour: Colour): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - 1, bbox.top, bbox.width + 2, bbox.height + 1);
  ctx.clip();
  const { min, max, distr } = plot.scales["y"] ?? {};
  if (distr !== 3 && min !== undefined && max !== undefined && min < 0 && max > 0) line(plot.valToPos(0, "y", true), "y", "soft", [2, 3]);
  ctx.fillStyle = colour("soft");
  for (const each of Array.from(ticks)) ctx.fillRect(plot.valToPos(each, "x", true) - ratio / 2, bbox.top + bbox.height - 4 * ratio, ratio, 4 * ratio);
  if (now !== null) line(plot.valToPos(now, "x", true), "x", "accent", []);
  ctx.restore();

  function line(at: number, axis: "x" | "y", name: keyof Colours, dashes: number[]): void {
    ctx.beginPath();
    ctx.setLineDash(dashes.map((each) => each * ratio));
    ctx.strokeStyle = colour(name);
    ctx.lineWidth = (axis === "x" ? 1.5 : 1) * ratio;
    ctx.moveTo(axis === "x" ? at : bbox.left, axis === "x" ? bbox.top : at);
    ctx.lineTo(axis === "x" ? at : bbox.left + bbox.width, axis === "x" ? bbox.top + bbox.height : at);
    ctx.stroke();
  }
}
