/** Light or dark as the system has it, or as chosen here; remembered where the browser lets us. */
export type Choice = "system" | "light" | "dark";

const NAME = "weightdesk theme";
const CHOICES: readonly Choice[] = ["system", "light", "dark"];

export const SIGNS: Readonly<Record<Choice, string>> = { system: "◐", light: "☀", dark: "☾" };

export const after = (choice: Choice): Choice => CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? "system";

export function remembered(): Choice {
  try {
    const found = localStorage.getItem(NAME);
    return CHOICES.find((each) => each === found) ?? "system";
  } catch {
    return "system"; // a browser may forbid to keep anything
  }
}

export function apply(choice: Choice): void {
  document.documentElement.style.colorScheme = choice === "system" ? "" : choice;
  try {
    if (choice === "system") localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, choice);
  } catch {
    // then it holds for now
  }
}
