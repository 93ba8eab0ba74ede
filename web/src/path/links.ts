/** A connection between two units of neighbouring layers. */
export interface Link {
  readonly from: number;
  readonly to: number;
  readonly weight: number; // of a kernel the sum, with the sign of its largest
}

/** Into a unit, from each unit of the layer before; none where the weights do not divide among those. */
export function linksInto(unit: number, before: number, fanIn: number, weights: ArrayLike<number>): Link[] {
  const each = fanIn / before;
  if (!Number.isInteger(each) || each < 1) return [];
  return Array.from({ length: before }, (_, from) => ({ from, to: unit, weight: joined(weights, unit * fanIn + from * each, each) }));
}

/** From a unit, to each unit of the layer behind it. */
export function linksFrom(unit: number, units: number, behind: number, fanIn: number, weights: ArrayLike<number>): Link[] {
  const each = fanIn / units;
  if (!Number.isInteger(each) || each < 1) return [];
  return Array.from({ length: behind }, (_, to) => ({ from: unit, to, weight: joined(weights, to * fanIn + unit * each, each) }));
}

/** The largest, the largest first. */
export function strongest(links: readonly Link[], count: number): Link[] {
  return links
    .filter(({ weight }) => weight !== 0)
    .sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight))
    .slice(0, count);
}

function joined(weights: ArrayLike<number>, start: number, count: number): number {
  let [sum, largest] = [0, 0];
  for (let place = start; place < start + count; place++) {
    const weight = weights[place] ?? 0;
    sum += weight;
    if (Math.abs(weight) > Math.abs(largest)) largest = weight;
  }
  return Math.sign(largest) * Math.abs(sum);
}
