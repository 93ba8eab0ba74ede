import { describe, expect, it } from "vitest";
import { isTaken, KEYS } from "../../src/keys/keys";

const event = (key: string, target: HTMLElement, options: KeyboardEventInit = {}): KeyboardEvent => {
  document.body.append(target);
  const found = new KeyboardEvent("keydown", { key, bubbles: true, ...options });
  target.dispatchEvent(found);
  return found;
};
const element = (name: string, role?: string): HTMLElement => {
  const found = document.createElement(name);
  if (role) found.setAttribute("role", role);
  return found;
};

describe("keys", () => {
  it("are each one key and said once", () => {
    expect(new Set(KEYS.map(({ keys }) => keys)).size).toBe(KEYS.length);
    for (const [key, shift, words] of [["z", false, "undo"], ["Z", true, "redo"]] as const) {
      const found = KEYS.filter((each) => each.is(event(key, element("div"), { ctrlKey: true, shiftKey: shift })));
      expect(found.map((each) => each.words)).toEqual([words]);
    }
  });

  it("belong to a knob or a field that has the focus", () => {
    expect(isTaken(event("b", element("input")))).toBe(true);
    expect(isTaken(event("ArrowLeft", element("div", "slider")))).toBe(true);
    expect(isTaken(event("m", element("div", "slider")))).toBe(false);
    expect(isTaken(event(" ", element("button")))).toBe(true);
    expect(isTaken(event(" ", element("div")))).toBe(false);
  });
});

it("belong to a knob in the shadow of a notebook's cell, too", () => {
  const host = document.body.appendChild(document.createElement("div"));
  const knob = host.attachShadow({ mode: "open" }).appendChild(element("div", "slider"));
  let taken = false;
  const hear = (event: KeyboardEvent): void => void (taken = isTaken(event));
  window.addEventListener("keydown", hear);
  knob.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true, composed: true }));
  window.removeEventListener("keydown", hear);
  expect(taken).toBe(true);
});
