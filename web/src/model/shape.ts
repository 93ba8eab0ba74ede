/** How many numbers an array of this shape holds. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, each) => product * each, 1);
