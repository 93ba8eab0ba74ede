import { expect, test, vi } from "vitest";
import { rounded, roundUp, short, turnable, written } from "../../src/strips/turnable";

function knob(value: number, rest: object = {}) {
  const [turn, reset] = [vi.fn<(value: number) => void>(), vi.fn()];
  const node = document.createElement("div");
  node.setPointerCapture = vi.fn();
  turnable(() => ({ value, step: 0.1, perPixel: 0.01, turn, reset, ...rest }), () => true)(node);
  return { node, turn, reset };
}
const key = (name: string, shiftKey = false) => new KeyboardEvent("keydown", { key: name, shiftKey });
const at = (type: string, clientY: number, shiftKey = false) => new MouseEvent(type, { clientY, shiftKey, button: 0 });

test("arrow keys turn by a step, with Shift by a tenth", () => {
  const { node, turn } = knob(0.5);
  node.dispatchEvent(key("ArrowUp"));
  node.dispatchEvent(key("ArrowDown", true));
  expect(turn.mock.calls).toEqual([[0.6], [0.49]]);
});

test("dragging up turns up, on from where it is", () => {
  const { node, turn } = knob(0.5);
  node.dispatchEvent(at("pointerdown", 100));
  node.dispatchEvent(at("pointermove", 80));
  node.dispatchEvent(at("pointermove", 70, true));
  node.dispatchEvent(at("pointerup", 70));
  node.dispatchEvent(at("pointermove", 0));
  expect(turn.mock.calls).toEqual([[0.7], [0.71]]);
});

test("the wheel turns, and ends are kept", () => {
  const { node, turn } = knob(1.95, { most: 2 });
  node.dispatchEvent(new WheelEvent("wheel", { deltaY: -100 }));
  expect(turn).toHaveBeenCalledWith(2);
});

test("a double click resets; what is disabled does nothing", () => {
  const one = knob(1);
  one.node.dispatchEvent(new MouseEvent("dblclick"));
  expect(one.reset).toHaveBeenCalledOnce();
  const other = knob(1, { disabled: true });
  other.node.dispatchEvent(key("ArrowUp"));
  other.node.dispatchEvent(new MouseEvent("dblclick"));
  expect([other.turn, other.reset].every((each) => each.mock.calls.length === 0)).toBe(true);
});

test("numbers are rounded to a hundredth of a step, and ends to 1, 2 or 5", () => {
  expect(rounded(0.123456789, 0.02)).toBe(0.1235);
  expect([0.11, 0.2, 3, 7].map(roundUp)).toEqual([0.2, 0.2, 5, 10]);
  expect(roundUp(0)).toBe(1);
});

test("numbers carry their sign", () => {
  expect([written(0.4711), written(-12.34), written(0), written(2e-6)]).toEqual(["+0.471", "−12.3", "+0", "+2.0e-6"]);
  expect([written(NaN), short(NaN)]).toEqual(["–", "–"]);
});

test("a click that trembles turns nothing", () => {
  const { node, turn } = knob(0.5);
  node.dispatchEvent(at("pointerdown", 100));
  node.dispatchEvent(at("pointermove", 98));
  expect(turn).not.toHaveBeenCalled();
});

test("where there is little room numbers are short, with their sign", () => {
  expect([0, 0.0421, -0.47, 3.146, -12.34, 1234.5].map(short)).toEqual(["+0.00", "+0.042", "−0.47", "+3.15", "−12.3", "+1235"]);
});

test("the wheel turns only what has the focus, also in the shadow of a notebook's cell", () => {
  const host = document.body.appendChild(document.createElement("div"));
  const node = host.attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
  node.tabIndex = 0;
  const turn = vi.fn<(value: number) => void>();
  turnable(() => ({ value: 1, step: 0.1, perPixel: 0.01, turn, reset: vi.fn() }))(node);
  node.dispatchEvent(new WheelEvent("wheel", { deltaY: -100 }));
  expect(turn).not.toHaveBeenCalled();
  node.focus();
  node.dispatchEvent(new WheelEvent("wheel", { deltaY: -100 }));
  expect(turn).toHaveBeenCalledWith(1.1);
  host.remove();
});
