import { describe, expect, it } from "vitest";
import { read, usual, write, type Address } from "../../src/model/address";
import { indexOf, placeOf } from "../../src/model/layers";
import { writeOwn } from "../../src/model/own";
import { knobOf, numberOf, setting, toggled, turned, without } from "../../src/model/mix";

describe("address", () => {
  it("comes back as it went", () => {
    const address: Address = {
      ...usual(), step: 96, layer: "conv1", unit: 7, weight: [7, 0, 1, 2], turns: ["conv1.weight[7,0,1,2]=0.5", "mute conv1[4]"],
      bypassed: true, example: 3, own: "1_0.5_-2", loop: [32, 128], finding: "dead_units", tab: "unit", sort: "norm",
    };
    expect(read(`#${write(address)}`)).toEqual(address);
  });

  it("says of a loop that it is all of the run, or which part", () => {
    expect(write({ ...usual(), loop: [0, Infinity] })).toBe("loop=all");
    expect(read("#loop=all").loop).toEqual([0, Infinity]);
    expect(write({ ...usual(), loop: [32, 128] })).toBe("loop=32-128");
    for (const text of ["128-32", "5-5", "1-2-3", "7", "a-b"]) expect(read(`#loop=${text}`).loop).toBeNull();
  });

  it("keeps a large input of one's own to itself", () => {
    const noise = Array.from({ length: 1024 }, (_, place) => Math.sin(place) * 100);
    expect(read(write({ ...usual(), own: writeOwn(noise) })).own).toBe(writeOwn(noise));
    expect(write({ ...usual(), own: writeOwn([...noise, ...noise]) })).toBe("");
  });

  it("knows the weight of a parameter that is a single number from one that is not chosen", () => {
    const link = write({ ...usual(), layer: "temperature", unit: 0, weight: [] });
    expect(link).toBe("layer=temperature&unit=0&weight=");
    expect(read(link).weight).toEqual([]);
    expect(read("#layer=temperature").weight).toBeNull();
  });

  it("says nothing of what is usual", () => {
    expect(write(usual())).toBe("");
  });

  it("reads nonsense as usual", () => {
    expect(read("#step=x&unit=-3&weight=1,q&example=&tab=none&what=1")).toEqual(usual());
  });
});

describe("mix", () => {
  it("makes one turn of a knob that is turned on and on", () => {
    const first = turned([], setting("fc.weight", [3, 17], 0.5));
    expect(turned(first, setting("fc.weight", [3, 17], 0.75))).toEqual(["fc.weight[3,17]=0.75"]);
    expect(turned(first, "scale conv1[2] 1.5")).toHaveLength(2);
  });

  it("turns a parameter that is a single number by its name", () => {
    expect(setting("temperature", [], 0.5)).toBe("temperature=0.5");
    expect(knobOf("temperature=0.5")).toBe("temperature");
  });

  it("reads numbers and takes knobs back", () => {
    const turns = ["fc.weight[3,17]=-1e-3", "scale conv1[2] 1.5", "mute conv1[4]"];
    expect(numberOf(turns, "fc.weight[3,17]")).toBe(-0.001);
    expect(numberOf(turns, "scale conv1[2]")).toBe(1.5);
    expect(numberOf(turns, "fc.bias[0]")).toBeNull();
    expect(without(turns, knobOf("scale conv1[2] 1.5"))).toHaveLength(2);
    expect(toggled(toggled(turns, "mute conv1[5]"), "mute conv1[5]")).toEqual(turns);
  });
});

describe("places", () => {
  it("are row-major", () => {
    const shape = [4, 3, 3, 3];
    for (let place = 0; place < 108; place++) expect(placeOf(indexOf(place, shape), shape)).toBe(place);
    expect(indexOf(107, shape)).toEqual([3, 2, 2, 2]);
  });
});
