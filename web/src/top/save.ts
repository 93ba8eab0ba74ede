import type { Desk } from "../model/desk.svelte";

/** Have the browser keep the turned weights as a file. */
export async function save(desk: Desk): Promise<void> {
  const saved = await desk.ask("save", { step: desk.step, turns: desk.address.turns });
  if (!saved) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([new Uint8Array(saved.content.data)]));
  link.download = saved.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
