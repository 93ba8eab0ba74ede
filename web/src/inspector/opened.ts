import { SvelteSet } from "svelte/reactivity";

const KEPT = "weightdesk.inspector.opened";

/** Which foldable sections are open, as they were left the last time. */
export const opened = new SvelteSet<string>(remembered());

export function fold(name: string, open: boolean): void {
  if (open === opened.has(name)) return;
  if (open) opened.add(name);
  else opened.delete(name);
  try {
    localStorage.setItem(KEPT, JSON.stringify([...opened]));
  } catch {
    // a page that may keep nothing
  }
}

function remembered(): string[] {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]") as string[];
  } catch {
    return [];
  }
}
