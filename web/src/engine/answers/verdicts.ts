import { Refusal } from "../../hosts/host";
import type { Verdicts, VerdictsQuestion } from "../../messages";
import { seeing, Tally } from "../probe";
import type { Rig } from "../rig";
import { whole } from "./place";

/** As `weightdesk/server/questions/verdicts.py` answers, of the examples in the file. */
export async function verdicts(rig: Rig, { step, turns = [] }: VerdictsQuestion, signal?: AbortSignal): Promise<Verdicts> {
  const { network, now } = rig.turned(step, turns);
  if (network.loss !== "cross_entropy") throw new Refusal("right and wrong are known where targets are classes");
  const tally = new Tally(rig, network, now);
  const examples = rig.examples.inputs.shape[0] ?? 0;
  await seeing([tally], examples, null, signal);
  return { wrong: whole(tally.rights.flatMap((right, number) => (right ? [] : [number]))), examples };
}
