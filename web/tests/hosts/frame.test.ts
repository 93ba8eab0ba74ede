import { afterEach, expect, it, vi } from "vitest";
import { frame } from "../../src/hosts/frame";

afterEach(() => {
  document.body.removeAttribute("class");
  delete document.body.dataset["jpThemeLight"];
  document.documentElement.removeAttribute("theme");
});

it("is as high as asked, and goes without a trace", () => {
  const { place, remove } = frame(document.body, 640);
  expect(place.style.height).toBe("640px");
  remove();
  expect(document.body.childElementCount).toBe(0);
});

it("is dark where the notebook is, at once", async () => {
  const { place, remove } = frame(document.body, 640);
  expect(place.style.colorScheme).toBe("");
  document.body.dataset["jpThemeLight"] = "false";
  await vi.waitFor(() => expect(place.style.colorScheme).toBe("dark"));
  document.body.dataset["jpThemeLight"] = "true";
  await vi.waitFor(() => expect(place.style.colorScheme).toBe("light"));
  delete document.body.dataset["jpThemeLight"];
  document.body.className = "vscode-dark";
  await vi.waitFor(() => expect(place.style.colorScheme).toBe("dark"));
  document.body.className = "vscode-high-contrast vscode-high-contrast-light";
  await vi.waitFor(() => expect(place.style.colorScheme).toBe("light"));
  remove();
});

it("keeps the keys of what has the focus from the notebook", () => {
  const { place, remove } = frame(document.body, 640);
  const knob = place.appendChild(document.createElement("button"));
  knob.focus();
  expect(knob.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
  remove();
});
