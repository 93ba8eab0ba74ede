import type { Heard, HeardQuestion, LayerAnswer } from "../../messages";
import { run } from "../network";
import type { Rig } from "../rig";
import { scores } from "./scores";

/** As `weightdesk/server/questions/heard.py` answers. */
export async function heard(rig: Rig, question: HeardQuestion, signal?: AbortSignal): Promise<Heard> {
  const { network, before, now } = rig.turned(question.step, question.turns ?? []);
  const input = rig.input(question.example ?? 0, question.own ?? null);
  const layers: LayerAnswer[] = [];
  const outputs = run(network.layers, now, input, (module, values) => layers.push({ module, shape: values.shape, values }));
  return {
    outputs,
    before: now === before ? outputs : run(network.layers, before, input),
    layers,
    scores: await scores(rig, question, signal),
  };
}
