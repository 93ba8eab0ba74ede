import type { Scores, ScoresQuestion } from "../../messages";
import { seeing, Tally } from "../probe";
import type { Rig } from "../rig";
import type { Weights } from "../signal";

/** Of the network without turns: what it gave stays, however often a knob is moved. */
const PLAIN = new WeakMap<Weights, Tally>();

/** As `weightdesk/server/questions/scores.py` answers; with patience, of the examples that there is time for. */
export async function scores(rig: Rig, question: ScoresQuestion & { readonly patience?: number | null }, signal?: AbortSignal): Promise<Scores> {
  const { network, before, now } = rig.turned(question.step, question.turns ?? []);
  const plain = PLAIN.get(before) ?? new Tally(rig, network, before);
  PLAIN.set(before, plain);
  const turned = now === before ? plain : new Tally(rig, network, now, plain);
  const count = rig.examples.inputs.shape[0] ?? 0;
  const seen = await seeing([...new Set([plain, turned])], count, question.patience ?? null, signal);
  const [was, is] = [plain.judged(seen), turned.judged(seen)];
  return {
    loss: is.loss,
    loss_before: was.loss,
    loss_error: is.error,
    accuracy: is.accuracy,
    accuracy_before: was.accuracy,
    seen,
    examples: rig.source.total,
  };
}
