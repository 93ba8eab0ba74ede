/** The share of each class in what a classifier says, from numbers that may be of any size. */
export function shares(numbers: ArrayLike<number>): number[] {
  const all = Array.from(numbers);
  const most = all.reduce((one, other) => Math.max(one, other), -Infinity);
  const powers = all.map((each) => Math.exp(each - most));
  const sum = powers.reduce((one, other) => one + other, 0);
  return powers.map((each) => (sum > 0 ? each / sum : 0));
}
