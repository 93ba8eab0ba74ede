import type { Parts } from "../../src/engine/layers/layer";
import type { Signal } from "../../src/engine/signal";

export const signal = (shape: number[], ...numbers: number[]): Signal => ({ data: Float32Array.from(numbers), shape });

export const parts = (held: Record<string, Signal> = {}, settings: Record<string, number[]> = {}): Parts => ({ held, settings });

export const counting = (count: number): number[] => Array.from({ length: count }, (_, place) => place);
