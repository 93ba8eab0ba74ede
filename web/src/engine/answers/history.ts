import { Refusal } from "../../hosts/host";
import type { HistoryQuestion, WeightHistory } from "../../messages";
import type { Rig } from "../rig";
import { numbers, placeIn, whole } from "./place";

/** A weight at every snapshot in the file, and its gradient at the steps of which the file has gradients. */
export function history({ source }: Rig, { parameter, index }: HistoryQuestion): WeightHistory {
  if (!source.parameters.includes(parameter)) throw new Refusal(`no parameter ${JSON.stringify(parameter)} is in this file`);
  const values = source.steps.map((step) => {
    const { data, shape } = source.weights(parameter, step);
    return data[placeIn(shape, index, parameter)] as number;
  });
  const gradients = source.gradientSteps.flatMap((step) => {
    const found = source.gradient(parameter, step);
    return found ? [[step, found.data[placeIn(found.shape, index, parameter)] as number] as const] : [];
  });
  return {
    steps: whole(source.steps),
    values: numbers(values),
    gradient_steps: whole(gradients.map(([step]) => step)),
    gradients: numbers(gradients.map(([, value]) => value)),
    snapshots: whole(source.steps),
    sampled: false,
  };
}
