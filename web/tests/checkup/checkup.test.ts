import { describe, expect, it } from "vitest";
import { proofsIn, stepsOf } from "../../src/checkup/evidence";
import { pauseAfter } from "../../src/checkup/pause";
import { chained, layerAt } from "../../src/checkup/places";
import type { Checkup, EvidenceRows, FindingFacts, Overview } from "../../src/messages";
import { layersOf } from "../../src/model/layers";
import { marked } from "../../src/timeline/marks";

const numbers = (values: number[]) => ({ data: Float64Array.from(values), shape: [values.length] });
const evidence = (values: number[], limits: number[]): EvidenceRows => ({
  what: values.map((_, row) => `number ${row}`), values: numbers(values), limits: numbers(limits), steps: values.map((_, row) => [row]),
});
const finding = (rule: string, because: string | null = null, since = 0): FindingFacts => ({
  rule, because, since, message: `${rule}!`, confidence: 0.9, cause: "", remedy: "", where: [], evidence: evidence([], []),
});
const facts = (name: string, ...shape: number[]) => ({ name, shape, dtype: "float32", trainable: true });
const layers = layersOf({
  parameters: [facts("encoder.0.weight", 4, 3), facts("encoder.0.bias", 4), facts("encoder.2.weight", 2, 4), facts("scale", 1)],
  modules: [{ name: "encoder.0", kind: "Linear" }, { name: "encoder.2", kind: "Linear" }],
} as unknown as Overview);

describe("where a finding is", () => {
  it("is a layer by its own name, or by that of a weight, a bias or a module around it", () => {
    for (const where of ["encoder.0", "encoder.0.weight", "encoder.0.bias", "encoder"]) expect(layerAt(where, layers)?.name).toBe("encoder.0");
    expect(layerAt("scale", layers)?.name).toBe("scale");
  });

  it("is no layer for what is no part of the network", () => {
    for (const where of ["loss", "labels", "enc", "", "encoder.1"]) expect(layerAt(where, layers)).toBeNull();
  });
});

describe("what explains what", () => {
  it("stands before it", () => {
    const found = chained([finding("a"), finding("b", "c"), finding("c", "a"), finding("d")]);
    expect(found.map((each) => [each.finding.rule, each.depth])).toEqual([["a", 0], ["c", 1], ["b", 2], ["d", 0]]);
  });

  it("leaves nothing out where the cause is none of the findings, or each is the other's", () => {
    expect(chained([finding("a", "gone")])).toHaveLength(1);
    expect(chained([finding("a", "b"), finding("b", "a")])).toHaveLength(2);
  });
});

describe("evidence", () => {
  it("is drawn beside its limit, whichever is the larger", () => {
    const [above, below] = proofsIn(evidence([8, 0.5], [2, 1]));
    expect(above).toEqual({ what: "number 0", value: 8, limit: 2, steps: [0], drawn: { value: 1, limit: 0.25 } });
    expect(below?.drawn).toEqual({ value: 0.5, limit: 1 });
  });

  it("is not drawn without a limit, across zero, or where it is not finite", () => {
    const rows = proofsIn(evidence([1, -1, Infinity, NaN, 0], [NaN, 1, 2, 2, 0]));
    expect(rows.map(({ drawn }) => drawn)).toEqual([null, null, null, null, null]);
    expect(rows[0]?.limit).toBeNull();
  });

  it("tells of its steps in few words", () => {
    expect([[], [7], [1, 2, 3, 4], [1, 2, 3, 4, 5]].map(stepsOf)).toEqual(["", "step 7", "steps 1, 2, 3, 4", "steps 1, 2, 3 and 2 more"]);
  });
});

it("looks again after two seconds, or after four times what it took", () => {
  expect([0, 100, 1000, 1e9].map(pauseAfter)).toEqual([2000, 2000, 4000, 60_000]);
});

it("marks findings among the events, in the order of steps", () => {
  const events = [{ step: 3, kind: "note", message: "n" }, { step: 9, kind: "end", message: "e" }];
  const checkup = { findings: [finding("late", null, 5), finding("early", null, 0)] } as unknown as Checkup;
  expect(marked(events, checkup).map(({ step, rule }) => [step, rule])).toEqual([[0, "early"], [3, undefined], [5, "late"], [9, undefined]]);
  expect(marked(events, null)).toEqual(events);
});
