import type { Numbers } from "../messages";
import { sizeOf } from "../model/shape";

type Column = { dtype: keyof typeof MAKERS; shape: number[]; offset: number };

const MAKERS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array };

/** A message out of its bytes; `weightdesk/server/wire.py` says how they lie. Arrays are views, not copies. */
export function unpack(packed: ArrayBuffer): unknown {
  const start = 4 + new DataView(packed).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(packed, 4, start - 4)));
  const arrays = (header.arrays as Column[]).map(({ dtype, shape, offset }) => {
    return { data: new MAKERS[dtype](packed, start + offset, sizeOf(shape)), shape } satisfies Numbers<unknown>;
  });
  return restored(header.message, arrays);
}

function restored(value: unknown, arrays: Numbers<unknown>[]): unknown {
  if (Array.isArray(value)) return value.map((each) => restored(each, arrays));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === "array") return arrays[entries[0][1] as number];
  return Object.fromEntries(entries.map(([name, each]) => [name, restored(each, arrays)]));
}
