/** A place for the desk in the page of a notebook: of a given height, and dark where the notebook is. */
export function frame(parent: HTMLElement, height: number): { place: HTMLElement; remove: () => void } {
  const place = document.createElement("div");
  place.style.cssText = `height: ${height}px; overflow: auto; position: relative; isolation: isolate; outline: none;`;
  place.tabIndex = -1; // so that a click anywhere in it takes the focus, and with it the keys, from the notebook
  const tint = (): void => void (place.style.colorScheme = scheme());
  const watcher = new MutationObserver(tint);
  for (const each of [document.documentElement, document.body]) {
    watcher.observe(each, { attributes: true, attributeFilter: ["class", "data-jp-theme-light", "theme"] });
  }
  tint();
  place.addEventListener("focusin", keepKeys);
  parent.append(place);
  return {
    place,
    remove: () => {
      watcher.disconnect();
      place.remove();
    },
  };
}

/** JupyterLab, VS Code and Colab each say it in their way; elsewhere it is that of the page. */
function scheme(): "light" | "dark" | "" {
  const { body, documentElement: root } = document;
  const jupyter = body.dataset["jpThemeLight"];
  if (jupyter) return jupyter === "false" ? "dark" : "light";
  if (body.matches(".vscode-dark, .vscode-high-contrast:not(.vscode-high-contrast-light)")) return "dark";
  if (body.matches(".vscode-light, .vscode-high-contrast-light")) return "light";
  return root.getAttribute("theme") === "dark" ? "dark" : "";
}

/** Without it JupyterLab takes a key pressed on a knob for one of its own, and `d d` deletes the cell. */
function keepKeys(event: FocusEvent): void {
  if (event.target instanceof Element) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
}
