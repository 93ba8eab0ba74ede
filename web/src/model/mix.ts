/** The mix as the page holds it: each turn as people write it, see `weightdesk/desk/grammar.py`. */
export type Turns = readonly string[];

export const setting = (parameter: string, index: readonly number[], value: number): string =>
  `${parameter}${index.length ? `[${index.join(",")}]` : ""}=${value}`; // a parameter of no axes is one number
export const muting = (layer: string, unit: number): string => `mute ${layer}[${unit}]`;
export const soloing = (layer: string, unit: number): string => `solo ${layer}[${unit}]`;
export const scaling = (layer: string, unit: number, factor: number): string => `scale ${layer}[${unit}] ${factor}`;

/** What a turn is about, so that turning the same knob again takes the place of the turn before. */
export function knobOf(turn: string): string {
  if (turn.includes("=")) return turn.slice(0, turn.indexOf("="));
  return turn.startsWith("scale ") ? turn.slice(0, turn.lastIndexOf(" ")) : turn;
}

/** With a turn more; in place of the last one where that turned the same knob. */
export function turned(turns: Turns, turn: string): Turns {
  const last = turns.at(-1);
  return last !== undefined && knobOf(last) === knobOf(turn) ? [...turns.slice(0, -1), turn] : [...turns, turn];
}

/** Without any turn of a knob. */
export const without = (turns: Turns, knob: string): Turns => turns.filter((each) => knobOf(each) !== knob);

/** With a turn that is there or not, such as a mute. */
export const toggled = (turns: Turns, turn: string): Turns =>
  turns.includes(turn) ? turns.filter((each) => each !== turn) : [...turns, turn];

/** The number that the last turn of a knob gives; null where it has none. */
export function numberOf(turns: Turns, knob: string): number | null {
  const last = turns.findLast((each) => knobOf(each) === knob);
  if (last === undefined) return null;
  const found = Number(last.slice(Math.max(last.lastIndexOf("="), last.lastIndexOf(" ")) + 1));
  return Number.isNaN(found) ? null : found;
}

/**
 * The turns on which a parameter may depend. Left out are those that plainly turn another one, a weight of
 * it or a unit of its layer; whatever else a turn may mean, such as one of several names, stays.
 */
export function concerning(turns: Turns, parameter: string, parameters: ReadonlySet<string>): Turns {
  return turns.filter((each) => {
    const [, name = "", layer = ""] = /^(?:(\S+)\[[^\]]*\]=|(?:mute|scale) (\S+)\[)/.exec(each) ?? [];
    if (parameters.has(name)) return name === parameter;
    return !parameters.has(`${layer}.weight`) || parameter.startsWith(`${layer}.`);
  });
}
