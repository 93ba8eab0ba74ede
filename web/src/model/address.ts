/** Everything that a link to the page says. A property is written only where it is not the usual. */
export interface Address {
  page: Page;
  step: number | null; // null: the last one, and on with it while the run grows
  layer: string;
  unit: number | null;
  weight: readonly number[] | null; // index into the layer's weight; of a single number an empty one
  turns: readonly string[];
  bypassed: boolean;
  example: number;
  own: string | null; // an input drawn or typed, as `writeOwn` writes it
  loop: Loop | null;
  finding: string; // rule of the finding whose card is in sight
  tab: Tab;
  sort: Sort;
}

/** The steps within which replay goes round; to infinity: to the last one, whatever that is. */
export type Loop = readonly [from: number, to: number];

export type Page = "desk" | "layers" | "checkup" | "compare";
export type Tab = "weight" | "unit" | "layer";
export type Sort = "order" | "importance" | "norm" | "activity";

interface Property<T> {
  usual: T;
  /** Null where a link cannot say it. */
  write(value: T): string | null;
  read(text: string): T;
}

const count = (text: string): number => {
  const found = Number(text);
  if (!text || !Number.isInteger(found) || found < 0) throw new Error(`${text} is no whole number`);
  return found;
};
const oneOf = <T extends string>(...known: T[]) => ({
  usual: known[0] as T,
  write: (value: T): string => value,
  read: (text: string): T => known.find((each) => each === text) ?? (known[0] as T),
});

const readIndex = (text: string): number[] => (text ? text.split(",").map(count) : []);

const LONGEST = 5600; // letters of an input of one's own: 1,024 numbers of any kind, or 4,096 pixels

const writeLoop = (loop: Loop | null): string | null => loop && (loop[1] === Infinity ? "all" : loop.join("-"));
function readLoop(text: string): Loop {
  if (text === "all") return [0, Infinity];
  const [from = 0, to = 0, more] = text.split("-").map(count);
  if (from >= to || more !== undefined) throw new Error(`${text} is no part of a run`);
  return [from, to];
}

const PROPERTIES: { [K in keyof Address]: Property<Address[K]> } = {
  page: oneOf<Page>("desk", "layers", "checkup", "compare"),
  step: { usual: null, write: String, read: count },
  layer: { usual: "", write: String, read: String },
  unit: { usual: null, write: String, read: count },
  weight: { usual: null, write: (index) => (index ?? []).join(","), read: readIndex },
  turns: { usual: [], write: (turns) => turns.join(";"), read: (text) => text.split(";").filter(Boolean) },
  bypassed: { usual: false, write: () => "1", read: () => true },
  example: { usual: 0, write: String, read: count },
  own: { usual: null, write: (text) => (text && text.length <= LONGEST ? text : null), read: String },
  loop: { usual: null, write: writeLoop, read: readLoop },
  finding: { usual: "", write: String, read: String },
  tab: oneOf<Tab>("weight", "unit", "layer"),
  sort: oneOf<Sort>("order", "importance", "norm", "activity"),
};

const NAMES = Object.keys(PROPERTIES) as (keyof Address)[];

export function usual(): Address {
  return Object.fromEntries(NAMES.map((name) => [name, PROPERTIES[name].usual])) as unknown as Address;
}

/** The part of a link behind #; what cannot be read is left at its usual value. */
export function read(hash: string): Address {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const found = usual();
  for (const name of NAMES) take(name, given.get(name), found);
  return found;
}

export function write(address: Address): string {
  const given = new URLSearchParams();
  for (const name of NAMES) put(name, address, given);
  return given.toString();
}

function take<K extends keyof Address>(name: K, text: string | null, into: Address): void {
  if (text === null) return;
  try {
    into[name] = PROPERTIES[name].read(text);
  } catch {
    // as usual
  }
}

function put<K extends keyof Address>(name: K, address: Address, into: URLSearchParams): void {
  const { usual, write } = PROPERTIES[name];
  if (JSON.stringify(address[name]) === JSON.stringify(usual)) return;
  const text = write(address[name]);
  if (text !== null) into.set(name, text);
}
