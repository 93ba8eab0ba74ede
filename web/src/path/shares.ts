import type { Numbers, SubjectFacts } from "../messages";

/** The share of each class in what a classifier says, from numbers that may be of any size; none where one is not a number. */
export function shares(numbers: ArrayLike<number>): number[] {
  const all = Array.from(numbers);
  const most = all.reduce((one, other) => Math.max(one, other), -Infinity);
  const powers = all.map((each) => Math.exp(each - most));
  const sum = powers.reduce((one, other) => one + other, 0);
  return powers.map((each) => (sum > 0 ? each / sum : 0));
}

/** The class with the largest share; −1 where no class has any. */
export function winner(parts: readonly number[]): number {
  const most = parts.reduce((one, other) => Math.max(one, other), 0);
  return most > 0 ? parts.indexOf(most) : -1;
}

/** What the network says: where it takes tokens and answers after each, positions by classes, what it says after the last. */
export function lastOf({ data, shape }: Numbers<Float32Array>, subject: SubjectFacts | null): Float32Array {
  const each = subject?.vocabulary != null && shape.length === 2;
  return each ? data.subarray(data.length - (shape[1] ?? 0)) : data;
}
