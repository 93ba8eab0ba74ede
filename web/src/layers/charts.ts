import type { ReadingColumn, ReadingTable } from "../messages";

export const columnOf = ({ columns }: ReadingTable, name: string): ReadingColumn | undefined => columns.find((each) => each.name === name);

const words = (table: ReadingTable, name: string): readonly string[] => columnOf(table, name)?.words ?? [];
const numbers = (table: ReadingTable, name: string): ArrayLike<number> => columnOf(table, name)?.numbers.data ?? [];

/** A score of a layer with its 95 % interval. */
export interface Ranged {
  readonly layer: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
}

/** How generic or specific each layer is: 0 is generic, 1 specific. */
export function specificity(table: ReadingTable): Ranged[] {
  const name = "generic–specific";
  const [values, from, to] = [numbers(table, name), numbers(table, `${name} from`), numbers(table, `${name} to`)];
  return words(table, "layer").map((layer, row) => ({ layer, value: values[row] ?? NaN, from: from[row] ?? NaN, to: to[row] ?? NaN }));
}

/** How alike each layer is to each of one network; `chance` is what layers without anything in common reach. */
export interface Likeness {
  readonly network: string;
  readonly layers: readonly string[];
  readonly others: readonly string[];
  readonly cells: ReadonlyMap<string, { readonly value: number; readonly chance: number }>;
}

export const cellOf = (layer: string, other: string): string => `${layer}\n${other}`;

/** A matrix for each network that the layers are compared with, this one first. */
export function likenesses(table: ReadingTable): Likeness[] {
  const [layers, networks, others] = [words(table, "layer"), words(table, "network"), words(table, "other layer")];
  const [values, chances] = [numbers(table, columnOf(table, "CKA") ? "CKA" : "SVCCA"), numbers(table, "chance")];
  return [...new Set(networks)].map((network) => {
    const rows = layers.flatMap((_, row) => (networks[row] === network ? [row] : []));
    return {
      network,
      layers: [...new Set(rows.map((row) => layers[row] ?? ""))],
      others: [...new Set(rows.map((row) => others[row] ?? ""))],
      cells: new Map(rows.map((row) => [cellOf(layers[row] ?? "", others[row] ?? ""), { value: values[row] ?? NaN, chance: chances[row] ?? NaN }])),
    };
  });
}

/** A score of a layer over the steps, with its interval. */
export interface Forming {
  readonly layer: string;
  readonly steps: readonly number[];
  readonly values: readonly number[];
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** What is followed over the steps, by its name: a curve for each layer. */
export function formings(table: ReadingTable): Map<string, Forming[]> {
  const [layers, scores] = [words(table, "layer"), words(table, "score")];
  const found = new Map<string, Map<string, number[]>>();
  layers.forEach((layer, row) => {
    const of = found.get(scores[row] ?? "") ?? new Map<string, number[]>();
    found.set(scores[row] ?? "", of.set(layer, [...(of.get(layer) ?? []), row]));
  });
  const taken = (name: string, rows: number[]): number[] => rows.map((row) => numbers(table, name)[row] ?? NaN);
  const curve = ([layer, rows]: [string, number[]]): Forming => ({
    layer, steps: taken("step", rows), values: taken("value", rows), from: taken("from", rows), to: taken("to", rows),
  });
  return new Map([...found].map(([score, of]) => [score, [...of].map(curve)]));
}
