import type { EvidenceRows } from "../messages";

export interface Proof {
  readonly what: string;
  readonly value: number;
  readonly limit: number | null;
  readonly steps: readonly number[];
  /** Both as shares of the larger; none where they cannot be drawn to one side of zero. */
  readonly drawn: { readonly value: number; readonly limit: number } | null;
}

/** The numbers behind a finding, row by row. */
export function proofsIn({ what, values, limits, steps }: EvidenceRows): Proof[] {
  return what.map((each, row) => {
    const value = values.data[row] ?? NaN;
    const given = limits.data[row] ?? NaN;
    const limit = Number.isNaN(given) ? null : given;
    return { what: each, value, limit, steps: steps[row] ?? [], drawn: limit === null ? null : sharesOf(value, limit) };
  });
}

function sharesOf(value: number, limit: number): { value: number; limit: number } | null {
  const most = Math.max(Math.abs(value), Math.abs(limit));
  if (!Number.isFinite(most) || most === 0 || value * limit < 0) return null;
  return { value: Math.abs(value) / most, limit: Math.abs(limit) / most };
}

const FEW = 3;

/** The steps at which a number was seen, in few words. */
export function stepsOf(steps: readonly number[]): string {
  if (!steps.length) return "";
  const named = steps.slice(0, steps.length === FEW + 1 ? FEW + 1 : FEW).join(", ");
  const more = steps.length > FEW + 1 ? ` and ${steps.length - FEW} more` : "";
  return `${steps.length > 1 ? "steps" : "step"} ${named}${more}`;
}
