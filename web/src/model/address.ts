/** Everything that a link to the page says. A property is written only where it is not the usual. */
export interface Address {
  step: number | null; // null: the last one, and on with it while the run grows
  layer: string;
  unit: number | null;
  weight: readonly number[] | null; // index into the layer's weight
  turns: readonly string[];
  bypassed: boolean;
  example: number;
  tab: Tab;
  sort: Sort;
}

export type Tab = "weight" | "unit" | "layer";
export type Sort = "order" | "norm" | "activity";

interface Property<T> {
  usual: T;
  write(value: T): string;
  read(text: string): T;
}

const count = (text: string): number => {
  const found = Number(text);
  if (!Number.isInteger(found) || found < 0) throw new Error(`${text} is no whole number`);
  return found;
};
const oneOf = <T extends string>(...known: T[]) => ({
  usual: known[0] as T,
  write: (value: T): string => value,
  read: (text: string): T => known.find((each) => each === text) ?? (known[0] as T),
});

const PROPERTIES: { [K in keyof Address]: Property<Address[K]> } = {
  step: { usual: null, write: String, read: count },
  layer: { usual: "", write: String, read: String },
  unit: { usual: null, write: String, read: count },
  weight: { usual: null, write: (index) => (index ?? []).join(","), read: (text) => text.split(",").map(count) },
  turns: { usual: [], write: (turns) => turns.join(";"), read: (text) => text.split(";").filter(Boolean) },
  bypassed: { usual: false, write: () => "1", read: () => true },
  example: { usual: 0, write: String, read: count },
  tab: oneOf<Tab>("weight", "unit", "layer"),
  sort: oneOf<Sort>("order", "norm", "activity"),
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
  if (JSON.stringify(address[name]) !== JSON.stringify(usual)) into.set(name, write(address[name]));
}
