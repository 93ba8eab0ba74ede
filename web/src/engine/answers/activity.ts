import { Refusal } from "../../hosts/host";
import type { Activity, ActivityQuestion, Numbers } from "../../messages";
import { breathing } from "../breathing";
import { run } from "../network";
import type { Rig } from "../rig";
import type { Signal } from "../signal";

const EXAMPLES = 512;
const STRONGEST = 8;

/** As `weightdesk/server/questions/activity.py` answers, on the first examples in the file. */
export async function activity(rig: Rig, { module, step, turns = [] }: ActivityQuestion, signal?: AbortSignal): Promise<Activity> {
  const { network, now } = rig.turned(step, turns);
  const last = network.layers.findIndex(({ name }) => name === module);
  if (last < 0) throw new Refusal(`${module} does not give a number for each unit`);
  const count = Math.min(EXAMPLES, rig.examples.inputs.shape[0] ?? 0);
  const breathe = breathing(signal);
  const found: Heard[][] = []; // example by example
  for (let example = 0; example < count; example++) {
    found.push(unitsOf(run(network.layers.slice(0, last + 1), now, rig.input(example, null))));
    await breathe();
  }
  const units = Array.from(found[0] ?? [], (_, unit) => found.map((each) => each[unit] as Heard));
  const classes = rig.examples.targets.shape.length === 1 ? rig.source.classes : 0;
  const ranked = units.map(strongest);
  return {
    magnitude: table(units.map((each) => [mean(each.map(({ magnitude }) => magnitude))])),
    active: table(units.map((each) => [mean(each.map(({ active }) => active))])),
    by_class: table(units.map((each) => byClass(rig, each, classes)), classes),
    strongest: { data: Int32Array.from(ranked.flat()), shape: [units.length, ranked[0]?.length ?? 0] },
    peaks: table(units.map((each, unit) => (ranked[unit] ?? []).map((example) => each[example]?.peak ?? NaN)), ranked[0]?.length),
    examples: count,
  };
}

/** What a unit does on one example: means over the places of a map, and the most of them. */
interface Heard {
  readonly magnitude: number;
  readonly active: number;
  readonly mean: number;
  readonly peak: number;
}

function unitsOf({ data, shape }: Signal): Heard[] {
  const [units = 0] = shape;
  const places = data.length / Math.max(1, units);
  return Array.from({ length: units }, (_, unit) => {
    const own = Array.from(data.subarray(unit * places, (unit + 1) * places));
    return {
      magnitude: mean(own.map(Math.abs)),
      active: mean(own.map((each) => Number(each > 0))),
      mean: mean(own),
      peak: own.reduce((most, each) => Math.max(most, each), -Infinity),
    };
  });
}

/** The examples that reach most; not a number counts as more than any, as it does to torch. */
function strongest(heard: readonly Heard[]): number[] {
  const height = (example: number): number => {
    const peak = heard[example]?.peak ?? NaN;
    return Number.isNaN(peak) ? Infinity : peak;
  };
  return [...heard.keys()].sort((one, other) => height(other) - height(one) || one - other).slice(0, STRONGEST);
}

/** The mean over the examples of each class; not a number where a class has none. */
function byClass(rig: Rig, heard: readonly Heard[], classes: number): number[] {
  return Array.from({ length: classes }, (_, wanted) => mean(heard.filter((_, example) => rig.target(example)[0] === wanted).map((each) => each.mean)));
}

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;

/** Rows of as many numbers; without a width, one number a row. */
function table(rows: readonly (readonly number[])[], width?: number): Numbers<Float64Array> {
  return { data: Float64Array.from(rows.flat()), shape: width === undefined ? [rows.length] : [rows.length, width] };
}
