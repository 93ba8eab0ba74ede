import { scaleLinear } from "d3-scale";
import type { Range } from "../inspector/plot";
import { plain, tick } from "../inspector/figures";
import type { Ranged } from "./tables";

const ROOM = 0.06; // of the axis, beyond what is seen at either end

interface Limits {
  readonly log?: boolean;
  readonly within?: Range; // what is possible at all
}

/** An axis with round ends on which all of these numbers lie; a log axis takes those above zero, in whole decades. */
export function span(values: Iterable<number>, { log = false, within = [-Infinity, Infinity] }: Limits = {}): Range {
  const [least, most] = ends([...values].filter((each) => Number.isFinite(each) && (!log || each > 0)));
  if (least > most) return log ? [0.1, 10] : [0, 1];
  if (log) {
    const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
    return [10 ** low, 10 ** (high > low ? high : low + 1)];
  }
  const room = ROOM * (most - least) || Math.abs(most) * ROOM || 1;
  const [from = 0, to = 1] = scaleLinear([least - room, most + room], [0, 1]).nice(5).domain();
  const inside: Range = [Math.max(within[0], from), Math.min(within[1], to)];
  return inside[0] < inside[1] ? inside : [from, to]; // all of it is impossible
}

const ends = (values: readonly number[]): Range => values.reduce<Range>(([low, high], each) => [Math.min(low, each), Math.max(high, each)], [Infinity, -Infinity]);

/** Where a number lies on an axis, in percent of it; what lies outside is at its end. */
export const at = (value: number, [from, to]: Range): number => 100 * Math.min(1, Math.max(0, (value - from) / (to - from)));

/** What a score can be at all. */
export const possible = (metric: string): Range => (metric.endsWith("accuracy") ? [0, 1] : metric.endsWith("loss") ? [0, Infinity] : [-Infinity, 1]);

/** An accuracy in percent, anything else with three digits. */
export const figure = (metric: string, value: number): string =>
  Number.isFinite(value) && metric.endsWith("accuracy") ? `${(100 * value).toFixed(1).replace("-", "−")} %` : plain(value, 3);

/** The same for the end of an axis. */
export const end = (metric: string, value: number): string => (metric.endsWith("accuracy") ? `${tick(100 * value)} %` : tick(value));

/** From where to where an interval goes; nothing for a single seed, which has none. */
export const interval = (metric: string, { low, high }: Ranged): string =>
  Number.isFinite(low) ? `${figure(metric, low).replace(" %", "")} to ${figure(metric, high)}` : "";

/** A mean and its interval. */
export const within = (metric: string, range: Ranged): string => `${figure(metric, range.mean)}${Number.isFinite(range.low) ? ` (${interval(metric, range)})` : ""}`;

/** A sentence that is never broken between a number and what belongs to it, its minuses as the page writes them. */
export const unbroken = (text: string): string =>
  text.replace(/([ (])-(?=\d)/g, "$1−").replace(/(\d) (%|points)/g, "$1\u00a0$2").replace(/p ([=<]) (\d)/g, "p\u00a0$1\u00a0$2");

const CHART = 185; // pixels that a chart takes at least
const AROUND = 58;

/** How many of three groups, with a chart for each setting, find room next to each other. */
export const abreast = (width: number, settings: number): number => Math.min(3, Math.max(1, Math.floor(width / (settings * CHART + AROUND))));

/** How likely so large a difference is by luck alone; nothing where that cannot be told. */
export const likelihood = (p: number): string => (Number.isNaN(p) ? "" : p < 0.001 ? "p < 0.001" : `p = ${Number(p.toPrecision(2))}`);
