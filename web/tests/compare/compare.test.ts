import { expect, test } from "vitest";
import { abreast, at, end, figure, interval, likelihood, span, unbroken, within } from "../../src/compare/scale";
import { curveOf, failed, signalOf, standings, weightsOf } from "../../src/compare/tables";
import { about } from "../../src/hosts/server";
import type { Compared, MemberFacts, ReadingColumn, ReadingTable } from "../../src/messages";

const words = (name: string, values: string[]): ReadingColumn => ({ name, bar: false, words: values, numbers: { data: new Float64Array(), shape: [0] } });
const numbers = (name: string, values: number[]): ReadingColumn => ({ name, bar: false, words: null, numbers: { data: Float64Array.from(values), shape: [values.length] } });
const table = (...columns: ReadingColumn[]): ReadingTable => ({ title: "", note: "", columns, rows: 0 });
const member = (setting: string, seed: number, status = "finished"): MemberFacts => ({ name: `${setting}-seed${seed}`, setting, seed, status, said: "", score: 0.5, loss: 1, opens: true });

const found: Compared = {
  folder: "runs/inits", source: "digits", verdict: "", score: "accuracy", part: "test data", settings: ["b", "a", "c"],
  members: [member("a", 0), member("b", 0), member("a", 1), member("c", 0, "failed"), member("c", 1, "planned")],
  finals: table(
    words("setting", ["b", "a"]), numbers("accuracy", [0.9, 0.8]), numbers("accuracy from", [0.85, NaN]), numbers("accuracy to", [0.95, NaN]),
    numbers("loss", [0.1, 0.2]), numbers("loss from", [0, 0.1]), numbers("loss to", [0.2, 0.3]),
  ),
  contests: table(words("b less", ["a"]), numbers("difference", [0.1]), numbers("difference from", [0.05]), numbers("difference to", [0.15]), numbers("p", [0.03])),
  beginnings: table(words("setting", ["a", "b"]), words("at step 0", ["even", "cannot start"]), words("why", ["so", "no gradient"])),
  signals: null, curves: [], weights: null, shrinkage: null,
};

test("a setting has all its numbers in one row, the best first", () => {
  const [best, second, third] = standings(found);
  expect(best).toMatchObject({ setting: "b", score: { mean: 0.9, low: 0.85, high: 0.95 }, start: { verdict: "cannot start", why: "no gradient" }, behind: null, norm: null });
  expect(second).toMatchObject({ behind: { mean: 0.1, low: 0.05, high: 0.15, p: 0.03 }, loss: { mean: 0.2 } });
  expect(second?.members.map((each) => each.seed)).toEqual([0, 1]);
  expect(third).toMatchObject({ score: null, start: null });
});

test("what is still to be trained has not failed", () => {
  expect(failed(found.members).map((each) => each.name)).toEqual(["c-seed0"]);
});

test("curves, signals and weights are those of one setting", () => {
  const settings = words("setting", ["a", "b", "b", "b"]);
  expect(curveOf(table(settings, numbers("step", [0, 0, 5, 9]), numbers("mean", [9, 3, 2, 1]), numbers("low", [9, 2, 1, 0]), numbers("high", [9, 4, 3, 2])), "b")).toEqual({
    x: [0, 5, 9], mean: [3, 2, 1], low: [2, 1, 0], high: [4, 3, 2],
  });
  const signal = table(settings, words("layer", ["1", "1", "2", "3"]), numbers("backward", [9, 3, 2, 1]), numbers("its theory", [9, 3.5, 2.5, 1.5]));
  expect(signalOf(signal, "b", "backward")).toEqual({ layers: ["1", "2", "3"], values: [3, 2, 1], beside: [3.5, 2.5, 1.5] });
  const weights = table(
    words("setting", ["a", "b", "b", "b", "b"]), numbers("step", [0, 0, 0, 8, 8]), words("layer", ["x", "h1.weight", "h2.weight", "h1.weight", "h2.weight"]),
    numbers("norm", [9, 1, 2, 3, 4]),
  );
  expect(weightsOf(weights, "b", "norm")).toEqual({ layers: ["h1", "h2"], values: [3, 4], beside: [1, 2] });
});

test("an axis has round ends, within what is possible", () => {
  expect(span([0.945, 0.97, NaN, Infinity], { within: [0, 1] })).toEqual([0.94, 0.975]);
  expect(span([0.2, 1.6, -0.4], { within: [0, 1] })).toEqual([0, 1]);
  expect(span([0.0036, 1.6, 0], { log: true })).toEqual([0.001, 10]);
  expect(span([1], { log: true })).toEqual([1, 10]);
  expect(span([])).toEqual([0, 1]);
  expect(span([0, 0], { log: true })).toEqual([0.1, 10]);
  const [from, to] = span([0, 0], { within: [0, Infinity] });
  expect(from).toBe(0);
  expect(to).toBeGreaterThan(0);
  expect([at(0.5, [0, 2]), at(-1, [0, 2]), at(9, [0, 2])]).toEqual([25, 0, 100]);
});

test("numbers are written as people read them", () => {
  expect([figure("val_accuracy", 0.954), figure("accuracy", -0.051), figure("loss", 0.12345), figure("accuracy", NaN)]).toEqual(["95.4 %", "−5.1 %", "0.123", "–"]);
  expect([end("accuracy", 0.8), end("loss", 2.5)]).toEqual(["80 %", "2.5"]);
  expect(within("accuracy", { mean: 0.5, low: 0.4, high: 0.6 })).toBe("50.0 % (40.0 to 60.0 %)");
  expect(within("loss", { mean: 0.5, low: NaN, high: NaN })).toBe("0.500");
  expect(interval("loss", { mean: 0.5, low: NaN, high: NaN })).toBe("");
  expect([likelihood(0.0004), likelihood(0.0384), likelihood(NaN)]).toEqual(["p < 0.001", "p = 0.038", ""]);
  expect(unbroken("a-b: 9.5 % (95 %: -3 to 4), p = 0.03")).toBe("a-b: 9.5\u00a0% (95\u00a0%: −3 to 4), p\u00a0=\u00a00.03");
});

test("as many groups stand next to each other as find room", () => {
  expect([abreast(1872, 3), abreast(1256, 3), abreast(1256, 6), abreast(400, 3)]).toEqual([3, 2, 1, 1]);
});

test("the server is told which run of a comparison the page is about", () => {
  expect(about("?token=x&member=lr%3D0.1-seed0")).toBe("?member=lr%3D0.1-seed0");
  expect(about("?token=x")).toBe("");
});
