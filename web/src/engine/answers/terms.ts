import { Refusal } from "../../hosts/host";
import type { Terms, TermsQuestion } from "../../messages";
import { run } from "../network";
import type { Rig } from "../rig";
import { sizeOf } from "../../model/shape";
import type { Signal } from "../signal";
import { numbers } from "./place";

const SHOWN = 12;
const SILENT = ["Dropout", "Identity"];
const ACTIVATIONS: Readonly<Record<string, string>> = {
  GELU: "gelu", LeakyReLU: "leaky_relu", ReLU: "relu", Sigmoid: "sigmoid", Tanh: "tanh",
};

interface Term {
  readonly name: string;
  readonly input: number;
  readonly weight: number;
}

/** As `weightdesk/server/questions/terms.py` answers, for linear layers and convolutions. */
export function terms(rig: Rig, question: TermsQuestion): Terms {
  const { unit, parameter, step, turns = [] } = question;
  const { network, now } = rig.turned(step, turns);
  const number = network.layers.findIndex(({ parameters }) => parameters["weight"] === parameter);
  const layer = network.layers[number];
  const weight = now.get(parameter);
  if (!layer || !weight || !["Linear", "Conv2d"].includes(layer.kind)) throw new Refusal(`the terms of ${parameter} need Python`);
  if (unit >= (weight.shape[0] ?? 0)) throw new Refusal(`unit ${unit} does not exist in ${layer.name}`);
  const given = run(network.layers.slice(0, number), now, rig.input(question.example ?? 0, question.own ?? null));
  const output = run([layer], now, given);
  const places = sizeOf(output.shape.slice(1));
  const at = layer.kind === "Conv2d" ? strongest(output.data.subarray(unit * places, (unit + 1) * places)) : 0;
  const place = layer.kind === "Conv2d" ? [Math.floor(at / (output.shape[2] ?? 1)), at % (output.shape[2] ?? 1)] : [];
  const every = place.length ? windowOf(given, weight, unit, place, layer.settings) : rowOf(given, weight, unit);
  const z = output.data[unit * places + at] as number;
  const bias = now.get(layer.parameters["bias"] ?? "")?.data[unit] ?? 0;
  const after = network.layers.slice(number + 1).find(({ kind }) => !SILENT.includes(kind));
  const activation = after && ACTIVATIONS[after.kind];
  const reached = after && activation ? [run([after], now, { data: Float32Array.of(z), shape: [1] }).data[0] as number] : [];
  return { ...told(every, bias, z, reached), activation: activation ?? null, place, note: "" };
}

function told(every: Term[], bias: number, z: number, reached: number[]): Omit<Terms, "activation" | "place" | "note"> {
  const product = ({ input, weight }: Term): number => input * weight;
  const shown = [...every].sort((one, other) => Math.abs(product(other)) - Math.abs(product(one))).slice(0, SHOWN);
  const total = (some: Term[]): number => some.reduce((sum, each) => sum + product(each), 0);
  const sum = total(every);
  return {
    names: shown.map(({ name }) => name),
    inputs: numbers(shown.map(({ input }) => input)),
    weights: numbers(shown.map(({ weight }) => weight)),
    products: numbers(shown.map(product)),
    sums: numbers([sum - total(shown), bias, z, z - sum - bias, ...reached]),
    others: every.length - shown.length,
  };
}

const strongest = (values: Float32Array): number =>
  values.reduce((best, each, place) => (Math.abs(each) > Math.abs(values[best] as number) ? place : best), 0);

function rowOf(given: Signal, weight: Signal, unit: number): Term[] {
  const size = weight.shape[1] ?? 1;
  if (given.data.length !== size) throw new Refusal("the terms of a layer on several rows need Python");
  return Array.from(given.data, (input, from) => ({ name: `input ${from}`, input, weight: weight.data[unit * size + from] as number }));
}

/** What a kernel reads at a place; what lies beside the picture is left out. */
function windowOf(
  given: Signal,
  weight: Signal,
  unit: number,
  place: readonly number[],
  settings: Readonly<Record<string, readonly number[]>>,
): Term[] {
  const [, channels = 1, tall = 1, wide = 1] = weight.shape;
  const [, height = 1, width = 1] = given.shape;
  const start = [0, 1].map((axis) => (place[axis] ?? 0) * (settings["stride"]?.[axis] ?? 1) - (settings["padding"]?.[axis] ?? 0));
  const found: Term[] = [];
  for (let tap = 0; tap < channels * tall * wide; tap++) {
    const [channel, y, x] = [Math.floor(tap / (tall * wide)), Math.floor(tap / wide) % tall, tap % wide];
    const [row, column] = [(start[0] ?? 0) + y, (start[1] ?? 0) + x];
    if (row < 0 || row >= height || column < 0 || column >= width) continue;
    const input = given.data[(channel * height + row) * width + column] as number;
    found.push({ name: `channel ${channel} (${y}, ${x})`, input, weight: weight.data[unit * channels * tall * wide + tap] as number });
  }
  return found;
}
