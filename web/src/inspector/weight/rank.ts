/** How many are larger, from 1: the rank of the one at a place; what is no number comes last. */
export function rankOf(values: ArrayLike<number>, place: number): number {
  const own = values[place] ?? NaN;
  let larger = 0;
  for (let other = 0; other < values.length; other++) {
    const value = values[other] ?? NaN;
    if (value > own || (Number.isNaN(own) && !Number.isNaN(value))) larger++;
  }
  return larger + 1;
}
