import { Refusal } from "../../hosts/host";
import { sizeOf } from "../../model/shape";
import type { Weights } from "../signal";

/** One axis: a place, or several with an open end as null. `weightdesk/desk/places.py` says how they are written. */
type Entry = number | { start: number | null; stop: number | null; step: number };

/** Some weights of one parameter, by their numbers in row-major order. */
export interface Part {
  readonly parameter: string;
  readonly places: readonly number[];
}

/** Canonical names of parameters, also for the names by which layers share them. */
export type Names = ReadonlyMap<string, string>;

const PLACE = /^\s*([^\s[\]]+)\s*(?:\[([^[\]]+)\])?\s*$/;
const SPAN = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(\d+)\s*)?$/;

/** The weights that are meant: of a parameter, of a unit of a layer, of a layer or of everything. */
export function partsOf(text: string, weights: Weights, names: Names): Part[] {
  const found = PLACE.exec(text);
  if (!found) throw new Refusal(`${JSON.stringify(text)} names no weights; write fc.weight[3,17], conv1[5] or fc`);
  const name = found[1] === "*" ? "" : (found[1] as string);
  const entries = found[2] === undefined ? [] : found[2].split(",").map((each) => entryOf(each, text));
  const parameter = names.get(name);
  const meant = parameter !== undefined ? [parameter] : membersOf(name, entries, weights, names);
  return meant.map((each) => ({ parameter: each, places: placesOf(each, entries, weights.get(each)?.shape ?? []) }));
}

function entryOf(text: string, whole: string): Entry {
  if (/^\s*-?\d+\s*$/.test(text)) return Number(text);
  if (/^\s*head\b/.test(text)) throw new Refusal("heads of an attention cannot be turned in this file");
  const found = SPAN.exec(text);
  if (!found || found[3] === "0") throw new Refusal(`${JSON.stringify(text.trim())} in ${JSON.stringify(whole)} is no index`);
  const end = (given: string | undefined): number | null => (given === undefined ? null : Number(given));
  return { start: end(found[1]), stop: end(found[2]), step: Number(found[3] ?? 1) };
}

/** All that lies in a module; where units are meant, what the module holds itself. */
function membersOf(name: string, entries: Entry[], weights: Weights, names: Names): string[] {
  const prefix = name ? `${name}.` : "";
  const inside = [...names.keys()].filter((each) => each.startsWith(prefix));
  if (!inside.length) throw new Refusal(`no parameter or module ${JSON.stringify(name)}`);
  const held = entries.length ? inside.filter((each) => !each.slice(prefix.length).includes(".")) : inside;
  const meant = [...new Set(held.map((each) => names.get(each) as string))];
  if (entries.length) checkUnits(name || "the network", entries, meant, weights);
  return meant;
}

function checkUnits(called: string, entries: Entry[], held: string[], weights: Weights): void {
  const lengths = new Set(held.map((each) => weights.get(each)?.shape[0]));
  if (!held.length) throw new Refusal(`${called} holds no weights itself; name one of the layers in it`);
  if (entries.length > 1) throw new Refusal(`${called} has units: expected one number, or name ${held[0]}`);
  if (lengths.size > 1 || lengths.has(undefined)) {
    throw new Refusal(`${called} has no units: its parameters differ in length; name one`);
  }
}

function placesOf(name: string, entries: readonly Entry[], shape: readonly number[]): number[] {
  if (entries.length > shape.length) throw outside(name, shape);
  let places = [0];
  shape.forEach((size, axis) => {
    const chosen = along(entries[axis] ?? { start: null, stop: null, step: 1 }, size);
    if (!chosen) throw outside(name, shape);
    places = places.flatMap((base) => chosen.map((each) => base * size + each));
  });
  return sizeOf(shape) ? places : [];
}

/** The places on one axis; null where the entry lies outside, or means none. */
function along(entry: Entry, size: number): number[] | null {
  const place = (given: number): number | null =>
    given < -size || given >= size ? null : given < 0 ? given + size : given;
  if (typeof entry === "number") {
    const found = place(entry);
    return found === null ? null : [found];
  }
  const [low, high] = [place(entry.start ?? 0), place(entry.stop === null ? -1 : entry.stop - 1)];
  if (size === 0) return [];
  if (low === null || high === null || entry.stop === 0 || low > high) return null;
  return Array.from({ length: Math.floor((high - low) / entry.step) + 1 }, (_, each) => low + each * entry.step);
}

const outside = (name: string, shape: readonly number[]): Refusal =>
  new Refusal(`the index lies outside ${name} of shape (${shape.join(", ")})`);
