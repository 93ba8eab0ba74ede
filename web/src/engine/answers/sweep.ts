import { Refusal } from "../../hosts/host";
import type { Swept, SweepQuestion } from "../../messages";
import { seeing, Tally, type Judged } from "../probe";
import type { Rig } from "../rig";
import { numbers, placeIn } from "./place";

const VALUES = 41;
const REACH = 3; // standard deviations of the parameter to either side
const NEAR = 0.02; // of them, for the slope
const PATIENCE = 0.05; // seconds for one value

/** The loss on as many examples as there is time for, at values as `weightdesk/desk/sweeps/weight.py` has them. */
export async function sweep(rig: Rig, question: SweepQuestion, signal?: AbortSignal): Promise<Swept> {
  const { parameter, index, step, turns = [] } = question;
  const weights = rig.turned(step, turns).now.get(parameter);
  if (!weights) throw new Refusal(`no parameter ${JSON.stringify(parameter)} is in this file`);
  const present = weights.data[placeIn(weights.shape, index, parameter)] as number;
  const spread = spreadOf(weights.data) || Math.abs(present) / REACH || 1 / REACH;
  const judge = await judging(rig, question, present, signal);
  const values = Array.from({ length: VALUES }, (_, place) => present + spread * REACH * ((2 * place) / (VALUES - 1) - 1));
  const found: Judged[] = [];
  for (const value of values) found.push(await judge(value));
  const losses = found.map(lossOf);
  const loss = lossOf(await judge(present));
  const left = (loss - lossOf(await judge(present - NEAR * spread))) / (NEAR * spread);
  const right = (lossOf(await judge(present + NEAR * spread)) - loss) / (NEAR * spread);
  const lowest = losses.reduce((best, each, place) => (each < (losses[best] as number) ? place : best), 0);
  return {
    values: numbers(values),
    losses: numbers(losses),
    errors: numbers(found.map(({ error }) => error ?? 0)),
    exact: { data: Uint8Array.from(found, ({ error }) => Number(error === null)), shape: [VALUES] },
    present: numbers([present, loss, (left + right) / 2, Math.abs(right - left) / 2]),
    lowest: numbers([values[lowest] as number, losses[lowest] as number, found[lowest]?.error ?? 0]),
    notes: [`${VALUES} values within 3 standard deviations of the parameter, on ${found[0]?.seen} examples`],
  };
}

const lossOf = ({ loss }: Judged): number => loss ?? NaN;

/** Judges a value of the weight, each on the same examples: those for which the present one has time. */
async function judging(
  rig: Rig,
  { parameter, index, step, turns = [] }: SweepQuestion,
  present: number,
  signal?: AbortSignal,
): Promise<(value: number) => Promise<Judged>> {
  const { network, now } = rig.turned(step, turns);
  if (!rig.loss(network)) throw new Refusal("there is no loss to sweep in this file");
  const plain = new Tally(rig, network, now);
  const at = (value: number): Tally =>
    new Tally(rig, network, rig.mixed(step, [...turns, `${parameter}[${index.join(",")}]=${value}`]), plain);
  const count = await seeing([at(present)], rig.examples.inputs.shape[0] ?? 0, PATIENCE, signal);
  return async (value) => {
    const tally = at(value);
    await seeing([tally], count, null, signal);
    return tally.judged(count);
  };
}

function spreadOf(data: Float32Array): number {
  const finite = data.filter(Number.isFinite);
  const mean = finite.reduce((sum, each) => sum + each, 0) / finite.length;
  return Math.sqrt(finite.reduce((sum, each) => sum + (each - mean) ** 2, 0) / finite.length);
}
