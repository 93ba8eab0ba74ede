import type { Overview } from "../messages";
import type { Layer } from "../model/layers";

/** A line of the tree of modules: a module that opens, or a parameter. */
export interface Line {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
  readonly opens: boolean;
  readonly note: string; // a module's kind, a parameter's shape
  readonly layer: string | null; // that the line stands for, or that the parameter belongs to
  readonly parameter: string | null; // whose trend it shows: its own, of a layer that of its weight
  readonly place: number; // among its siblings, from 1
  readonly siblings: number;
}

interface Node {
  readonly inside: Map<string, Node>;
  readonly path: string;
  readonly depth: number;
  shape: readonly number[] | null; // of a parameter
}

/** All lines in the network's order, by the parts of the dotted names. */
export function linesOf(overview: Overview, layers: readonly Layer[]): Line[] {
  const kinds = new Map(overview.modules.map(({ name, kind }) => [name, kind]));
  const weights = new Map(layers.map(({ name, weight }) => [name, weight.name]));
  const owners = new Map(layers.flatMap(({ name, weight, bias }) => [[weight.name, name], ...(bias ? [[bias.name, name]] : [])] as [string, string][]));
  const lines: Line[] = [];
  list(treeOf(overview));
  return lines;

  function list({ inside }: Node): void {
    let place = 0;
    for (const [name, node] of inside) {
      const { path, depth, shape } = node;
      const own = shape !== null;
      lines.push({
        path, name, depth,
        opens: node.inside.size > 0,
        note: own ? shape.join("×") || "1" : (kinds.get(path) ?? ""),
        layer: own ? (owners.get(path) ?? null) : weights.has(path) ? path : null,
        parameter: own ? path : (weights.get(path) ?? null),
        place: ++place,
        siblings: inside.size,
      });
      list(node);
    }
  }
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

/** The line that stands for a layer: its module's, or that of the parameter where it has no module of its own. */
export const lineOf = (layer: Layer, lines: readonly Line[]): string =>
  lines.some(({ path }) => path === layer.name) ? layer.name : layer.weight.name;

/** A path with the modules that it lies in, the outermost first. */
export function around(path: string): string[] {
  const parts = path.split(".");
  return parts.map((_, depth) => parts.slice(0, depth + 1).join("."));
}

/** Where a key leads from a line: the number of another one, or that it is to be opened or closed. */
export function led(key: string, at: number, shown: readonly Line[], isOpen: (path: string) => boolean, page: number): number | "toggle" | null {
  const line = shown[at];
  if (!line) return null;
  const last = shown.length - 1;
  const within = (to: number): number => Math.max(0, Math.min(last, to));
  const open = line.opens && isOpen(line.path);
  switch (key) {
    case "ArrowDown": return within(at + 1);
    case "ArrowUp": return within(at - 1);
    case "PageDown": return within(at + page);
    case "PageUp": return within(at - page);
    case "Home": return 0;
    case "End": return last;
    case "ArrowRight": return open ? within(at + 1) : line.opens ? "toggle" : at;
    case "ArrowLeft": return open ? "toggle" : within(shown.slice(0, at).findLastIndex(({ depth }) => depth < line.depth));
    default: return null;
  }
}

function treeOf(overview: Overview): Node {
  const root: Node = { inside: new Map(), path: "", depth: -1, shape: null };
  for (const { name, shape } of overview.parameters) {
    let node = root;
    for (const part of name.split(".")) {
      let inner = node.inside.get(part);
      if (!inner) {
        inner = { inside: new Map(), path: node.path ? `${node.path}.${part}` : part, depth: node.depth + 1, shape: null };
        node.inside.set(part, inner);
      }
      node = inner;
    }
    node.shape = shape;
  }
  return root;
}
