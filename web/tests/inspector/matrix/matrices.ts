import { Whole } from "../../../src/inspector/matrix/whole";

/** Numbers that are the same at each run of the tests. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function matrix(rows: number, columns: number, seed = 1): { data: Float32Array; whole: Whole } {
  const next = seeded(seed);
  const data = Float32Array.from({ length: rows * columns }, () => Math.round(20 * (next() - 0.5)) / 4 || 0);
  return { data, whole: new Whole({ data, shape: [rows, columns] }) };
}

/** The number farthest from 0 of a block, the positive one of two. */
export function farthest(data: Float32Array, columns: number, rows: readonly [number, number], span: readonly [number, number]): number {
  let found = 0;
  for (let row = rows[0]; row < Math.min(rows[1], data.length / columns); row++)
    for (const each of data.subarray(row * columns + span[0], row * columns + Math.min(span[1], columns))) {
      const further = Math.abs(each) - Math.abs(found);
      if (further > 0 || (further === 0 && each > found)) found = each;
    }
  return found;
}
