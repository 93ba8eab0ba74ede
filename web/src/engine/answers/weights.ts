import { Refusal } from "../../hosts/host";
import type { Weights, WeightsQuestion } from "../../messages";
import type { Rig } from "../rig";

/** Weights with turns; gradients and updates are in the file or not. */
export function weights(rig: Rig, question: WeightsQuestion): Weights {
  const { parameter, step, what = "weight", turns = [] } = question;
  if (what !== "weight") throw new Refusal(`no ${what} of step ${step} is in this file: open the run with \`weightdesk open\``);
  const values = rig.mixed(step, turns).get(parameter);
  if (!values) throw new Refusal(`no parameter ${JSON.stringify(parameter)} is in this file`);
  return { values };
}
