import { describe, expect, it } from "vitest";
import { Refusal } from "../../src/hosts/host";
import { mixed } from "../../src/engine/turns/mix";
import { signal } from "./parts";

const WEIGHTS = new Map([
  ["fc.weight", signal([3, 2], 1, 2, 3, 4, 5, 6)],
  ["fc.bias", signal([3], 7, 8, 9)],
]);
const NAMES = new Map([...WEIGHTS.keys(), "shared.weight"].map((name) => [name, name.replace("shared", "fc")]));
const after = (...turns: string[]): number[][] => [...mixed(WEIGHTS, turns, NAMES).values()].map(({ data }) => [...data]);

describe("turns", () => {
  it.each([
    ["fc.weight[1,0]=0.5", [1, 2, 0.5, 4, 5, 6], [7, 8, 9]],
    ["fc.weight[-1]= -1e1", [1, 2, 3, 4, -10, -10], [7, 8, 9]],
    ["fc.weight[:,1]=inf", [1, Infinity, 3, Infinity, 5, Infinity], [7, 8, 9]],
    ["fc.weight[0:3:2,0]=0", [0, 2, 3, 4, 0, 6], [7, 8, 9]],
    ["shared.weight[0,0]=nan", [NaN, 2, 3, 4, 5, 6], [7, 8, 9]],
    ["mute fc[1]", [1, 2, 0, 0, 5, 6], [7, 0, 9]],
    ["mute fc.weight", [0, 0, 0, 0, 0, 0], [7, 8, 9]],
    ["scale fc[2] 0.1", [1, 2, 3, 4, 0.5, Math.fround(0.6)], [7, 8, Math.fround(0.9)]],
    ["scale * 2", [2, 4, 6, 8, 10, 12], [14, 16, 18]],
    ["solo fc[0]", [1, 2, 0, 0, 0, 0], [7, 0, 0]],
  ])("%s", (turn, weight, bias) => expect(after(turn)).toEqual([weight, bias]));

  it("let several solos sound together", () => {
    expect(after("solo fc[0]", "solo fc[2]")).toEqual([[1, 2, 0, 0, 5, 6], [7, 0, 9]]);
  });

  it("set again what a solo silenced, until the next solo", () => {
    expect(after("solo fc[0]", "fc.bias[1]=3")[1]).toEqual([7, 3, 0]);
    expect(after("solo fc[0]", "fc.bias[1]=3", "solo fc[2]")[1]).toEqual([7, 0, 9]);
  });

  it("leave the weights that they begin with as they are", () => {
    after("mute *");
    expect([...(WEIGHTS.get("fc.bias")?.data ?? [])]).toEqual([7, 8, 9]);
    expect(mixed(WEIGHTS, ["mute fc.bias"], NAMES).get("fc.weight")).toBe(WEIGHTS.get("fc.weight"));
  });

  it.each([
    "fc.weight[3,0]=1", "fc.weight[0,0,0]=1", "fc.weight[0,0]=x", "mute", "mute fc[0] 3", "mute gone[1]", "solo fc",
    "scale fc[0]", "noise fc.weight 0.1", "fc[0,1]=2", "mute fc[head 1/2]", "fc.weight[2:1]=0", "",
  ])("refuse %j", (turn) => expect(() => after(turn)).toThrow(Refusal));
});
