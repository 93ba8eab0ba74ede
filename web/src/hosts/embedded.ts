import type { Answers, Examples, Network, Numbers, Questions } from "../messages";
import type { Source } from "../engine/rig";
import { unpack } from "./wire";

interface Answered {
  readonly kind: string;
  readonly question: string;
  readonly packed: Numbers<Uint8Array>;
}

/** Values that a question has where it does not say; `weightdesk/report.py` leaves them out, too. */
const USUAL: Readonly<Record<string, unknown>> = { start: 0, count: 64, example: 0, what: "weight" };

/** The answers that lie in a file. */
export class Embedded {
  #packed = new Map<string, Numbers<Uint8Array>>();

  constructor(packed: ArrayBuffer) {
    const { answers } = unpack(packed) as { answers: Answered[] };
    for (const { kind, question, packed } of answers) this.#packed.set(`${kind} ${question}`, packed);
  }

  /** The text of `<script id="weightdesk-run">`. */
  static async read(text: string): Promise<Embedded> {
    const whole = new Blob([bytesOf(text.trim())]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Embedded(await new Response(whole).arrayBuffer());
  }

  find<K extends keyof Questions>(kind: K, question: Questions[K]): Answers[K] | null {
    const found = this.#packed.get(`${kind} ${canonical(question)}`);
    return found ? (unpack(found.data.slice().buffer) as Answers[K]) : null;
  }

  /** What the engine computes from. */
  get source(): Source {
    const overview = this.find("overview", {});
    const [steps, parameters] = [overview?.steps ?? [], (overview?.parameters ?? []).map(({ name }) => name)];
    return {
      steps,
      parameters,
      total: overview?.subject?.examples ?? 0,
      examples: this.#examples(),
      classes: overview?.subject?.class_names.length ?? 0,
      weights: (parameter, step) => {
        const found = this.find("weights", { parameter, step });
        if (!found) throw new Error(`the file lacks ${parameter} at step ${step}`);
        return found.values;
      },
      gradientSteps: overview?.gradient_steps ?? [],
      gradient: (parameter, step) => this.find("weights", { parameter, step, what: "gradient" })?.values ?? null,
      network: remembered((step) => this.find("network", { step })),
    };
  }

  #examples(): Examples | null {
    const parts: Examples[] = [];
    for (let start = 0, part; (part = this.find("examples", { start })); start += 64) parts.push(part);
    if (!parts.length) return null;
    const inputs = parts.map((each) => each.inputs);
    const targets = parts.map((each) => each.targets);
    return {
      inputs: joined(inputs, new Float32Array(length(inputs))),
      targets: joined(targets, new Float64Array(length(targets))),
      total: parts[0]?.total ?? 0,
    };
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < bytes.length; place++) bytes[place] = letters.charCodeAt(place); // from() is 5 × slower
  return bytes;
}

function canonical(question: object): string {
  const said = Object.entries(question).filter(
    ([name, value]) =>
      value !== null && value !== undefined && value !== USUAL[name] && !(Array.isArray(value) && !value.length),
  );
  return JSON.stringify(Object.fromEntries(said.sort(([one], [other]) => (one < other ? -1 : 1))));
}

function remembered(find: (step: number) => Network | null): (step: number) => Network | null {
  const known = new Map<number, Network | null>();
  return (step) => {
    const found = known.get(step) ?? find(step);
    known.set(step, found);
    return found;
  };
}

const length = (parts: readonly Numbers<{ length: number }>[]): number =>
  parts.reduce((sum, { data }) => sum + data.length, 0);

function joined<T extends Float32Array | Float64Array>(parts: readonly Numbers<T>[], into: T): Numbers<T> {
  let place = 0;
  for (const { data } of parts) {
    into.set(data, place);
    place += data.length;
  }
  const count = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  return { data: into, shape: [count, ...(parts[0]?.shape.slice(1) ?? [])] };
}
