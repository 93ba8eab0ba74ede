import { Refusal } from "../../hosts/host";
import type { Weights } from "../signal";
import { partsOf, type Names, type Part } from "./place";

/** One line of a mix, looked up in a network. */
export type Turn = { readonly parts: readonly Part[] } & (
  | { readonly kind: "solo" }
  | { readonly kind: "change"; readonly to: (value: number) => number }
);

const SETTING = /^\s*([^\s[\]=]*\s*(?:\[[^\]]*\])?)\s*=(.*)$/;
const WORD = /[^\s[\]]+\[[^\]]*\]|\S+/g;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const PYTHON_ONLY = ["noise", "prune", "round", "rewind", "transplant"];

/** What a line means; `weightdesk/desk/grammar.py` is the whole grammar, the page knows these four. */
export function turnOf(text: string, weights: Weights, names: Names): Turn {
  try {
    return read(text, weights, names);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(`turn ${JSON.stringify(text)}: ${error.message}`);
    throw error;
  }
}

function read(text: string, weights: Weights, names: Names): Turn {
  const setting = SETTING.exec(text);
  if (setting) {
    const value = numberOf(setting[2] as string);
    return { kind: "change", parts: partsOf(setting[1] as string, weights, names), to: () => value };
  }
  const [verb = "", place = "", ...words] = text.match(WORD) ?? [];
  if (PYTHON_ONLY.includes(verb)) throw new Refusal(`not in this file: open the run with \`weightdesk open\` for ${verb}`);
  if (!["mute", "solo", "scale"].includes(verb)) throw new Refusal("expected mute, solo, scale or fc.weight[3,17]=0.8");
  if (!place || words.length !== (verb === "scale" ? 1 : 0)) throw new Refusal(`expected such as \`${EXAMPLES[verb]}\``);
  if (verb === "solo" && !place.includes("[")) throw new Refusal(`solo needs one or more units, such as ${place}[0]`);
  const parts = partsOf(place, weights, names);
  if (verb === "solo") return { kind: "solo", parts };
  if (verb === "mute") return { kind: "change", parts, to: () => 0 };
  const factor = numberOf(words[0] as string);
  return { kind: "change", parts, to: (value) => value * factor };
}

const EXAMPLES: Readonly<Record<string, string>> = {
  mute: "mute conv1[5]",
  solo: "solo conv1[5]",
  scale: "scale hidden1[3] 1.5",
};

function numberOf(word: string): number {
  const text = word.trim();
  if (NUMBER.test(text)) return Number(text);
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (!special) throw new Refusal(`${JSON.stringify(text)} is no number`);
  return special[2]?.toLowerCase() === "nan" ? NaN : special[1] === "-" ? -Infinity : Infinity;
}
