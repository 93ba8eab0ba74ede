import type { Heard, HeardQuestion, LayerAnswer } from "../../messages";
import { run } from "../network";
import { seeing, Tally } from "../probe";
import type { Rig } from "../rig";
import type { Weights } from "../signal";

/** Of the network without turns: what it gave stays, however often a knob is moved. */
const PLAIN = new WeakMap<Weights, Tally>();

/** As `weightdesk/server/questions/heard.py` answers. */
export async function heard(rig: Rig, question: HeardQuestion, signal?: AbortSignal): Promise<Heard> {
  const { network, before, now } = rig.turned(question.step, question.turns ?? []);
  const input = rig.input(question.example ?? 0, question.own ?? null);
  const layers: LayerAnswer[] = [];
  const outputs = run(network.layers, now, input, (module, values) => layers.push({ module, values }));
  const plain = PLAIN.get(before) ?? new Tally(rig, network, before);
  PLAIN.set(before, plain);
  const turned = now === before ? plain : new Tally(rig, network, now, plain);
  const count = rig.examples.inputs.shape[0] ?? 0;
  const seen = await seeing([...new Set([plain, turned])], count, question.patience ?? null, signal);
  const [was, is] = [plain.judged(seen), turned.judged(seen)];
  return {
    outputs,
    before: now === before ? outputs : run(network.layers, before, input),
    layers,
    loss: is.loss,
    loss_before: was.loss,
    loss_error: is.error,
    accuracy: is.accuracy,
    accuracy_before: was.accuracy,
    seen,
    examples: rig.source.total,
  };
}
