import type { Layer } from "./layers";

const AT_ONCE = 4_000_000; // the server sends no more

/** Whether a layer has too many weights to be fetched whole; it is looked at in tiles. */
export const isLarge = ({ units, fanIn }: Pick<Layer, "units" | "fanIn">): boolean => units * fanIn > AT_ONCE;
