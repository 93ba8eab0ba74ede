import { expect, it } from "vitest";
import { concerningUnit, isLarge } from "../../src/model/large";
import type { ParameterFacts } from "../../src/messages";

const LAYER = { name: "fc", weight: { name: "fc.weight" } as ParameterFacts };

it("is large from more weights on than are sent at once", () => {
  expect(isLarge({ units: 2000, fanIn: 2000 })).toBe(false);
  expect(isLarge({ units: 2000, fanIn: 2001 })).toBe(true);
});

it.each(["fc.weight[3,7]=0.5", "mute fc[3]", "scale fc[3] 1.5", "fc.weight[3]=0"])("%s concerns its unit alone", (turn) => {
  expect(concerningUnit([turn], LAYER, 3)).toEqual([turn]);
  expect(concerningUnit([turn], LAYER, 4)).toEqual([]);
});

it.each(["solo fc[3]", "mute fc", "fc.weight[:,2]=0", "mute fc[-1]", "scale fc[1:4] 2", "scale * 0.9", "noise fc.weight 0.1", "other.weight[3,1]=2", "mute other[3]"])(
  "%s may concern any unit",
  (turn) => {
    expect(concerningUnit([turn], LAYER, 4)).toEqual([turn]);
  },
);
