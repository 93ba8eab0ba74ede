import { columnOf } from "../layers/charts";
import type { Compared, MemberFacts, ReadingTable } from "../messages";

/** A mean over seeds with its 95 % interval, which is NaN where there is a single seed. */
export interface Ranged {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** All that is told of a setting in one row. */
export interface Standing {
  readonly setting: string;
  readonly score: Ranged | null; // null where none of its trainings has finished
  readonly loss: Ranged | null;
  readonly start: { readonly verdict: string; readonly why: string } | null;
  readonly behind: (Ranged & { readonly p: number }) | null; // the best less this one, seed by seed
  readonly zeros: number | null; // of all weights in the end, where a penalty is varied
  readonly norm: number | null;
  readonly members: readonly MemberFacts[];
}

/** The settings, the best first. */
export function standings(found: Compared): Standing[] {
  const { finals, contests, beginnings, shrinkage } = found;
  return found.settings.map((setting) => {
    const [final, contest, start, shrunk] = [row(finals, setting), row(contests, setting), row(beginnings, setting), row(shrinkage, setting)];
    return {
      setting,
      score: final === null ? null : ranged(finals, found.score ?? "", final),
      loss: final === null ? null : ranged(finals, "loss", final),
      start: start === null ? null : { verdict: word(beginnings, "at step 0", start), why: word(beginnings, "why", start) },
      behind: contest === null ? null : { ...ranged(contests, "difference", contest), p: number(contests, "p", contest) },
      zeros: shrunk === null ? null : number(shrinkage, "zeros", shrunk),
      norm: shrunk === null ? null : number(shrinkage, "norm", shrunk),
      members: found.members.filter((each) => each.setting === setting),
    };
  });
}

/** Trainings that did not end well; those that are still to come are none of them. */
export const failed = (members: readonly MemberFacts[]): MemberFacts[] =>
  members.filter(({ status }) => !["finished", "stopped early", "planned"].includes(status));

/** A metric of a setting through the training. */
export interface Curve {
  readonly x: readonly number[];
  readonly mean: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export function curveOf(table: ReadingTable, setting: string): Curve {
  const rows = rowsOf(table, setting);
  const taken = (name: string): number[] => rows.map((each) => number(table, name, each));
  return { x: taken("step"), mean: taken("mean"), low: taken("low"), high: taken("high") };
}

/** A number of each layer, from the inputs to the outputs, and what it is seen beside: theory, or step 0. */
export interface Depth {
  readonly layers: readonly string[];
  readonly values: readonly number[];
  readonly beside: readonly number[];
}

/** What a network does to a signal before its first step, and what theory expects. */
export function signalOf(table: ReadingTable, setting: string, way: "forward" | "backward"): Depth {
  const rows = rowsOf(table, setting);
  const taken = (name: string): number[] => rows.map((each) => number(table, name, each));
  return {
    layers: rows.map((each) => word(table, "layer", each)),
    values: taken(way),
    beside: taken(way === "forward" ? "theory" : "its theory"),
  };
}

/** A measure of each layer's weights at the last step, beside the same at step 0. */
export function weightsOf(table: ReadingTable, setting: string, measure: string): Depth {
  const rows = rowsOf(table, setting);
  const steps = rows.map((each) => number(table, "step", each));
  const at = (step: number): number[] => rows.filter((_, place) => steps[place] === step);
  const [first, last] = [at(Math.min(...steps)), at(Math.max(...steps))];
  return {
    layers: last.map((each) => word(table, "layer", each).replace(/\.weight$/, "")),
    values: last.map((each) => number(table, measure, each)),
    beside: first.map((each) => number(table, measure, each)),
  };
}

const number = (table: ReadingTable | null, name: string, row: number): number => (table && columnOf(table, name)?.numbers.data[row]) ?? NaN;
const word = (table: ReadingTable | null, name: string, row: number): string => (table && columnOf(table, name)?.words?.[row]) ?? "";

const ranged = (table: ReadingTable | null, name: string, row: number): Ranged => ({
  mean: number(table, name, row), low: number(table, `${name} from`, row), high: number(table, `${name} to`, row),
});

/** The row of a setting, whose name is in the first column; null where it has none. */
function row(table: ReadingTable | null, setting: string): number | null {
  const found = table?.columns[0]?.words?.indexOf(setting) ?? -1;
  return found < 0 ? null : found;
}

const rowsOf = (table: ReadingTable, setting: string): number[] =>
  (columnOf(table, "setting")?.words ?? []).flatMap((each, place) => (each === setting ? [place] : []));
