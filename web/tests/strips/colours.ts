import type { Colours } from "../../src/strips/colours";

export const COLOURS: Colours = {
  positive: [0, 0, 200], negative: [200, 100, 0], neutral: [240, 240, 240], ink: [0, 0, 0], soft: [90, 90, 90],
  hairline: [220, 220, 220], panel: [255, 255, 255], raised: [238, 238, 238], accent: [100, 0, 200], warning: [160, 50, 30],
};
