import { plain } from "../inspector/figures";
import type { Trend, TrendWarning } from "../messages";
import { around } from "./tree";

export const SPARK = { width: 44, height: 14 };

const TOGETHER = 64; // the server answers no more at once

/** The names that are asked about together. */
export const parted = (names: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(names.length / TOGETHER) }, (_, part) => names.slice(part * TOGETHER, (part + 1) * TOGETHER));

/** A series as a small line, on a log scale; what is not above zero has no place on that. */
export function spark({ steps, values }: Trend): string {
  const [first, last] = [steps.data[0] ?? 0, steps.data.at(-1) ?? 0];
  const known = Array.from(values.data, (value, place) => [steps.data[place] ?? 0, Math.log10(value)] as const).filter(([, value]) => Number.isFinite(value));
  const [low, high] = known.reduce(([least, most], [, value]) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  const x = (step: number): string => (1 + ((SPARK.width - 2) * (step - first)) / Math.max(1, last - first)).toFixed(1);
  const y = (value: number): string => (high > low ? 1 + (SPARK.height - 2) * ((high - value) / (high - low)) : SPARK.height / 2).toFixed(1);
  return known.map(([step, value], place) => `${place ? "L" : "M"}${x(step)},${y(value)}`).join("");
}

const COLUMNS: Readonly<Record<string, string>> = { update_ratio: "update ratio, rms of the update to rms of the weights", rms: "rms of the weights" };

/** What a small line shows, in words; of a module that holds others it is about all of them. */
export function told({ column, steps, values }: Trend, isOfAll = false): string {
  if (!steps.data.length) return "no statistics were recorded";
  const ends = steps.data.length > 1 ? `${plain(values.data[0], 2)} → ${plain(values.data.at(-1), 2)}, step ${plain(steps.data[0])} to ${plain(steps.data.at(-1))}, log scale` : plain(values.data[0], 2);
  return `${COLUMNS[column] ?? column}${isOfAll ? " of all in it" : ""}: ${ends}`;
}

/** What is wrong with a parameter, or with the worst of those in a module. */
export interface Mark {
  readonly line: string;
  readonly severity: TrendWarning["severity"];
  readonly count: number; // of parameters
}

/** A mark for each parameter with a warning and for each module around one. */
export function marksOf(warnings: ReadonlyMap<string, TrendWarning>): Map<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const [parameter, { line, severity }] of warnings) {
    for (const path of around(parameter)) {
      const known = marks.get(path);
      const worse = !known || (severity === "severe" && known.severity === "mild");
      const found = path === parameter ? line : `${parameter}: ${line}`;
      marks.set(path, { ...(worse ? { line: found, severity } : known), count: (known?.count ?? 0) + 1 });
    }
  }
  return marks;
}

/** A mark in words. */
export const said = ({ line, count }: Mark): string => (count > 1 ? `${line} · ${plain(count)} parameters with warnings` : line);
