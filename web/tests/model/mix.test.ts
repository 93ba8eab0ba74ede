import { describe, expect, it } from "vitest";
import { concerning } from "../../src/model/mix";

const PARAMETERS = new Set(["conv1.weight", "conv1.bias", "conv10.weight", "out.weight", "scale"]);
const of = (parameter: string, ...turns: string[]): readonly string[] => concerning(turns, parameter, PARAMETERS);

describe("the turns on which a parameter depends", () => {
  it("are not those of another parameter's weights or of another layer's units", () => {
    const elsewhere = ["conv1.weight[0,1]=0.5", "scale conv1[3] 0.5", "mute conv1[2]", "conv1.bias[0]=2", "scale[]=3"];
    expect(of("out.weight", ...elsewhere)).toEqual([]);
    expect(of("conv10.weight", ...elsewhere)).toEqual([]);
  });

  it("are those of its own, in their order", () => {
    const own = ["mute conv1[2]", "conv1.weight[0,1]=0.5", "scale conv1[3] 0.5"];
    expect(of("conv1.weight", ...own, "conv1.bias[0]=2")).toEqual(own);
    expect(of("conv1.bias", ...own)).toEqual(["mute conv1[2]", "scale conv1[3] 0.5"]);
  });

  it("are all of which it is not plain what they turn", () => {
    const turns = ["prune * 50%", "noise conv1 0.1", "solo conv1[2]", "tied.weight[0]=1", "mute tied[1]", "scale * 2"];
    expect(of("out.weight", ...turns)).toEqual(turns);
  });
});
