import type { ReadingTable } from "../messages";

/** An earlier unit, and what it adds to a later one on average. */
export interface Feeder {
  readonly layer: string;
  readonly unit: number;
  readonly mean: number;
}

const MOST = 12;

/** The strongest feeders that are single units, as the table names them: `conv1 30`. */
export function feedersOf({ columns }: ReadingTable): Feeder[] {
  const names = columns.find((each) => each.name === "feeder")?.words ?? [];
  const means = columns.find((each) => each.name === "mean")?.numbers.data ?? [];
  return names
    .flatMap((name, row) => {
      const [, layer = "", unit = ""] = /^(\S+) (\d+)$/.exec(name) ?? [];
      return layer && layer !== "input" ? [{ layer, unit: Number(unit), mean: means[row] ?? NaN }] : [];
    })
    .slice(0, MOST);
}
