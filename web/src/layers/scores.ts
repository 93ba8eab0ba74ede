import type { ReadingTable } from "../messages";

/** What can be read from a layer in one respect, beside what permuted labels give. */
export interface Score {
  readonly name: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
  readonly chance: number;
}

const column = ({ columns }: ReadingTable, name: string) => columns.find((each) => each.name === name);

/** The rows of a layer in the table of probes. */
export function scoresOf(table: ReadingTable, layer: string): Score[] {
  const [layers, properties] = [column(table, "layer")?.words ?? [], column(table, "property")?.words ?? []];
  const number = (name: string, row: number): number => column(table, name)?.numbers.data[row] ?? NaN;
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
