import type { Overview } from "../messages";
import type { Desk } from "../model/desk.svelte";

export type LessonName = "radio" | "mixdown" | "plane";

/** The lesson that a run can be; null where it is none. */
export function lessonOf({ recipe, subject }: Overview): LessonName | null {
  if (!subject) return null;
  if (recipe === "radio" || recipe === "mixdown") return recipe;
  const { input_shape: shape } = subject;
  return shape.length === 1 && shape[0] === 2 ? "plane" : null;
}

export const hasLesson = (overview: Overview): boolean => lessonOf(overview) !== null;

/** Whether the network is a single layer whose weights are the knobs of its lesson, so that it needs no strips. */
export const isAlone = ({ overview, layers }: Pick<Desk, "overview" | "layers">): boolean => overview !== null && hasLesson(overview) && layers.length === 1;
