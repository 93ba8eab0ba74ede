import type { Answers, Questions } from "../../messages";
import type { Rig } from "../rig";
import { activity } from "./activity";
import { examples } from "./examples";
import { heard } from "./heard";
import { history } from "./history";
import { importance } from "./importance";
import { scores } from "./scores";
import { sweep } from "./sweep";
import { terms } from "./terms";
import { verdicts } from "./verdicts";
import { weights } from "./weights";

type Compute<K extends keyof Questions> = (
  rig: Rig,
  question: Questions[K],
  signal?: AbortSignal,
) => Answers[K] | Promise<Answers[K]>;

/** What a page can answer without Python, by the question's name. */
export const COMPUTED: { readonly [K in keyof Questions]?: Compute<K> } = {
  activity,
  examples,
  heard,
  history,
  importance,
  scores,
  sweep,
  terms,
  verdicts,
  weights,
};
