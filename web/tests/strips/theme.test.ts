import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Theme } from "../../src/strips/theme.svelte";

const [DARK, LIGHT] = ["rgb(1, 1, 1)", "rgb(250, 250, 250)"];

/** Whether an element lies in something dark; jsdom computes no `light-dark(…)`. */
const isDark = (at: Element): boolean => {
  const root = at.getRootNode();
  return at.closest(".dark") !== null || (root instanceof ShadowRoot && isDark(root.host));
};

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => new EventTarget());
  vi.stubGlobal("getComputedStyle", (at: Element) => ({ color: isDark(at) ? DARK : LIGHT }));
});
afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

/** A desk in a cell of a notebook; in some notebooks a cell is a shadow. */
function desk(inShadow: boolean): { cell: HTMLElement; theme: Theme; end: () => void } {
  const cell = document.body.appendChild(document.createElement("div"));
  const main = (inShadow ? cell.attachShadow({ mode: "open" }) : cell).appendChild(document.createElement("main"));
  const theme = new Theme();
  const end = theme.watch(main.appendChild(document.createElement("div")));
  return { cell, theme, end };
}

test.each([false, true])("of two desks each has the colours of its own place, in a shadow: %s", async (inShadow) => {
  const [first, second] = [desk(inShadow), desk(inShadow)];
  const before = first.theme.colours;
  second.cell.className = "dark";
  await vi.waitFor(() => expect(second.theme.colours?.ink).toEqual([1, 1, 1]));
  expect(first.theme.colours).toBe(before);
  first.cell.className = "dark";
  await vi.waitFor(() => expect(first.theme.colours?.ink).toEqual([1, 1, 1]));
  for (const { end } of [first, second]) end();
});

test("what changes no colour has nothing painted anew", async () => {
  const { cell, theme, end } = desk(false);
  const before = theme.colours;
  cell.title = "another";
  await new Promise((resolve) => setTimeout(resolve));
  expect(theme.colours).toBe(before);
  end();
});

test("once it is gone nothing is followed, and nothing stays", async () => {
  const { cell, theme, end } = desk(false);
  end();
  cell.className = "dark";
  await new Promise((resolve) => setTimeout(resolve));
  expect(theme.colours?.ink).toEqual([250, 250, 250]);
  expect(cell.querySelector("span")).toBeNull();
});
