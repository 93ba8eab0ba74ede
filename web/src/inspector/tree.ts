/** A summand that may be opened: what it is made of adds up to it. */
export interface Branch {
  readonly id: string; // of its own among all
  readonly name: string;
  readonly numbers: string; // δ × x …
  readonly value: number;
  readonly opens: boolean;
}

export interface Row {
  readonly branch: Branch;
  readonly level: number;
  readonly place: number; // among its siblings, from 1
  readonly of: number;
  readonly parent: string | null;
}

/** The rows that are seen, from the top. */
export function seen(roots: readonly Branch[], below: (id: string) => readonly Branch[] | undefined, level = 1, parent: string | null = null): Row[] {
  return roots.flatMap((branch, place) => {
    const row = { branch, level, place: place + 1, of: roots.length, parent };
    return [row, ...seen(below(branch.id) ?? [], below, level + 1, branch.id)];
  });
}
