import { describe, expect, it } from "vitest";
import { plain, sign, signed, tick, typed } from "../../src/inspector/figures";

describe("figures", () => {
  it.each([
    [0.0178, "+0.01780"],
    [-0.4721, "−0.4721"],
    [1234.56, "+1235"],
    [12, "+12"],
    [-0.00077, "−0.0007700"],
    [0, "0"],
    [-0.00000312, "−3.120·10⁻⁶"],
    [2.5e9, "+2.500·10⁹"],
    [null, "–"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ])("signs %s as %s", (value, text) => expect(signed(value)).toBe(text));

  it("leaves out the plus where a number has no direction", () => expect(plain(0.25)).toBe("0.2500"));
  it("keeps ticks short", () => expect([0.1, 0.30000000000000004, -2, 0, 1e-7, 2.5e-7].map(tick)).toEqual(["0.1", "0.3", "−2", "0", "1·10⁻⁷", "2.5·10⁻⁷"]));
  it("names the sign for its colour", () => expect([1, -1, 0, null].map(sign)).toEqual(["positive", "negative", "", ""]));
  it.each([["−0,5", -0.5], [" 1e-3 ", 0.001], ["abc", null], ["", null], ["Infinity", null]])("reads %s", (text, value) =>
    expect(typed(text)).toBe(value),
  );
});
