import { expect, test } from "vitest";
import { isTaken, KEYS } from "../../src/keys/keys";
import type { Desk } from "../../src/model/desk.svelte";

const press = (key: string, into: Partial<KeyboardEventInit> = {}) => new KeyboardEvent("keydown", { key, ...into });
const heard = (html: string, key: string): boolean => {
  const holder = document.createElement("div");
  document.body.append(holder);
  const found = holder.appendChild(document.createElement(html.split(" ")[0] ?? "div"));
  const [name, value] = html.split(" ")[1]?.split("=") ?? [];
  if (name) found.setAttribute(name, value ?? "");
  let taken = false;
  holder.addEventListener("keydown", (event) => (taken = isTaken(event)));
  found.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  holder.remove();
  return taken;
};

test("no two keys are the same", () => {
  const events = [" ", "ArrowLeft", "ArrowRight", "Home", "End", "i", "o", "l", "b", "m", "s", "[", "]", ",", ".", "/", "?", "Escape"].map((key) => press(key));
  events.push(press("z", { ctrlKey: true }), press("Z", { ctrlKey: true, shiftKey: true }));
  for (const event of events) expect(KEYS.filter((each) => each.is(event)).length).toBe(1);
  expect(new Set(KEYS.map(({ keys }) => keys)).size).toBe(KEYS.length);
  expect(events.length).toBe(KEYS.length);
});

test("a shortcut of the browser's stays its own", () => {
  for (const key of ["s", "b", "m"]) expect(KEYS.some((each) => each.is(press(key, { ctrlKey: true })))).toBe(false);
});

test("in a field every key is its own, on a slider only those that move it", () => {
  expect(heard("input type=search", "m")).toBe(true);
  expect(heard("input type=range", "m")).toBe(false);
  expect(heard("input type=range", "ArrowLeft")).toBe(true);
  expect(heard("div role=slider", "Home")).toBe(true);
  expect(heard("div role=slider", "b")).toBe(false);
  expect(heard("button type=button", " ")).toBe(true);
  expect(heard("button type=button", "m")).toBe(false);
});

test("in the shadow of a notebook's cell a knob has its keys, and the field to find by is found", () => {
  const shadow = document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" });
  const desk = shadow.appendChild(document.createElement("div"));
  desk.innerHTML = '<div role="slider"></div><input type="search">';
  let taken = false;
  const hear = (event: KeyboardEvent): void => void (taken = isTaken(event));
  window.addEventListener("keydown", hear);
  desk.firstElementChild?.dispatchEvent(press("ArrowUp", { bubbles: true, composed: true }));
  window.removeEventListener("keydown", hear);
  expect(taken).toBe(true);
  KEYS.find((each) => each.is(press("/")))?.run({} as Desk, () => {}, desk);
  expect(shadow.activeElement).toBe(desk.lastElementChild);
});
