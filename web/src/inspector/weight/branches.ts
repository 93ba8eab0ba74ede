import type { Gradient } from "../../messages";
import { signed } from "../figures";
import type { Branch } from "../tree";

/** One level of the chain rule as branches; what is not shown is one of its own, which does not open. */
export function branchesOf(level: Gradient, path: readonly number[]): Branch[] {
  const { labels, first, second, products, opens, others, rest } = level;
  const id = (number: number | "rest"): string => [...path, number].join(".");
  const found: Branch[] = labels.map((name, number) => ({
    id: id(number),
    name,
    numbers: path.length ? sent(first.data[number], second.data[number]) : `δ ${signed(first.data[number], 3)} × x ${signed(second.data[number], 3)}`,
    value: products.data[number] ?? NaN,
    opens: opens[number] ?? false,
  }));
  if (others) found.push({ id: id("rest"), name: `${others} more`, numbers: "", value: rest.data[0] ?? NaN, opens: false });
  return found;
}

export const pathOf = (branch: Branch): number[] => branch.id.split(".").map(Number);

const sent = (slope: number | undefined, delta: number | undefined): string => `∂z′/∂z ${signed(slope, 3)} × δ′ ${signed(delta, 3)}`;
