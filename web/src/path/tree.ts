import type { Overview } from "../messages";
import type { Layer } from "../model/layers";

/** A line of the tree of modules: a module that opens, or a parameter. */
export interface Line {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly opens: boolean;
  readonly note: string; // a module's kind, a parameter's shape
  readonly layer: string | null; // that a parameter belongs to
}

interface Node {
  readonly inside: Map<string, Node>;
  line: Omit<Line, "opens">;
}

/** All lines in the network's order, by the parts of the dotted names. */
export function linesOf(overview: Overview, layers: readonly Layer[]): Line[] {
  const kinds = new Map(overview.modules.map(({ name, kind }) => [name, kind]));
  const owner = new Map<string, string>();
  for (const { name, weight, bias } of layers) {
    owner.set(weight.name, name);
    if (bias) owner.set(bias.name, name);
  }
  const root: Node = { inside: new Map(), line: { path: "", name: "", depth: -1, note: "", layer: null } };
  for (const { name, shape } of overview.parameters) {
    let node = root;
    name.split(".").forEach((part, depth, parts) => {
      const path = parts.slice(0, depth + 1).join(".");
      const inner = node.inside.get(part) ?? { inside: new Map(), line: { path, name: part, depth, note: kinds.get(path) ?? "", layer: null } };
      node.inside.set(part, inner);
      node = inner;
    });
    node.line = { ...node.line, note: shape.join("×") || "1", layer: owner.get(name) ?? null };
  }
  return below(root);
}

/** What is to be seen: inside open modules, or all that a search finds with the modules around it. */
export function seen(lines: readonly Line[], closed: ReadonlySet<string>, search: string): Line[] {
  const word = search.trim().toLowerCase();
  if (word) {
    const found = new Set<string>();
    for (const { path } of lines)
      if (path.toLowerCase().includes(word)) around(path).forEach((each) => found.add(each));
    return lines.filter(({ path }) => found.has(path));
  }
  let hidden = Infinity;
  return lines.filter(({ path, depth, opens }) => {
    if (depth > hidden) return false;
    hidden = opens && closed.has(path) ? depth : Infinity;
    return true;
  });
}

function below(node: Node): Line[] {
  return [...node.inside.values()].flatMap((each) => [{ ...each.line, opens: each.inside.size > 0 }, ...below(each)]);
}

function around(path: string): string[] {
  const parts = path.split(".");
  return parts.map((_, depth) => parts.slice(0, depth + 1).join("."));
}
