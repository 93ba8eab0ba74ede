import type { Layer } from "./layers";
import type { Turns } from "./mix";

const AT_ONCE = 4_000_000; // the server sends no more

/** Whether a layer has too many weights to be fetched whole; it is looked at in tiles, and unit by unit. */
export const isLarge = ({ units, fanIn }: Pick<Layer, "units" | "fanIn">): boolean => units * fanIn > AT_ONCE;

const OF_A_UNIT = /^(?:(\S+)\[(\d+)(?:,[^\]]*)?\]=|(?:mute|scale) (\S+)\[(\d+)\])/;

/** The turns on which the weights of a unit may depend: left out are those that plainly turn another one of the layer. */
export function concerningUnit(turns: Turns, { name, weight }: Pick<Layer, "name" | "weight">, unit: number): Turns {
  return turns.filter((each) => {
    const [, parameter, row, layer, number] = OF_A_UNIT.exec(each) ?? [];
    return parameter === weight.name ? Number(row) === unit : layer !== name || Number(number) === unit;
  });
}
