import type { ReadingTable } from "../messages";
import { columnOf } from "./charts";

/** What can be read from a layer in one respect, beside what permuted labels give. */
export interface Score {
  readonly name: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
  readonly chance: number;
}

/** The rows of a layer in the table of probes. */
export function scoresOf(table: ReadingTable, layer: string): Score[] {
  const [layers, properties] = [columnOf(table, "layer")?.words ?? [], columnOf(table, "property")?.words ?? []];
  const number = (name: string, row: number): number => columnOf(table, name)?.numbers.data[row] ?? NaN;
  return layers.flatMap((each, row) =>
    each !== layer
      ? []
      : [{
          name: properties[row] ?? "",
          value: number("accuracy", row),
          from: number("accuracy from", row),
          to: number("accuracy to", row),
          chance: number("chance", row),
        }],
  );
}
