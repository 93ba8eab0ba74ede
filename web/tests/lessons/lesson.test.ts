import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Host } from "../../src/hosts/host";
import Lesson from "../../src/lessons/Lesson.svelte";
import { hasLesson, lessonOf } from "../../src/lessons/which";
import type { Numbers, Overview } from "../../src/messages";
import { Desk } from "../../src/model/desk.svelte";

const floats = (data: number[], shape: number[] = [data.length]): Numbers<Float32Array> => ({ data: Float32Array.from(data), shape });
const doubles = (data: number[], shape: number[] = [data.length]): Numbers<Float64Array> => ({ data: Float64Array.from(data), shape });

function overviewOf(recipe: string | null, inputs: number, outputs = 1): Overview {
  const names = Array.from({ length: inputs }, (_, at) => `in ${at}`);
  const subject = { part: "test", examples: 2, input_shape: [inputs], class_names: outputs > 1 ? ["a", "b"] : [], input_names: names, target_names: [], vocabulary: null };
  const parameters = [{ name: "output.weight", shape: [outputs, inputs], dtype: "float32", trainable: true }];
  const facts = { path: "run", status: "finished", created: "", network: "neuron", seed: 0, optimizer: null, gradient_steps: [], last_step: 4, epoch_steps: 1, metrics: [] };
  return { ...facts, recipe, steps: [0, 4], parameters, modules: [{ name: "output", kind: "Linear" }], subject };
}

const SOUND = { outputs: floats([0, 1]), target: floats([1, 1]), rate: 8000, tracks: ["kick", "bell", "bass"].map((name, at) => ({ name, gain: at, planted: at ? 0 : 0.9 })) };
const SURFACE = { first: doubles([0, 1]), second: doubles([0, 1]), losses: doubles([1, 2, 3, 4], [2, 2]), exact: true, now: [0, 0], loss: 1, steps: { data: Int32Array.of(0), shape: [1] }, path: doubles([0, 0], [1, 2]) };
const PLANE = { x: floats([0, 1]), y: floats([0, 1]), outputs: floats([1, 0, 0, 1, 1, 0, 0.25, 0.75], [2, 2, 2]), probabilities: true, unit: null };

async function shown(overview: Overview): Promise<Desk> {
  const answers: Record<string, unknown> = { sound: SOUND, surface: SURFACE, plane: PLANE };
  const host = { ask: (kind: string) => Promise.resolve(answers[kind]), follow: () => () => undefined } as unknown as Host;
  const desk = new Desk(host);
  desk.overview = overview;
  desk.weights = floats([0.5, -0.5, 1].slice(0, overview.subject?.input_shape[0]), [1, 3]);
  mounted = mount(Lesson, { target: document.body, props: { desk } });
  await vi.waitFor(() => {
    flushSync();
    expect(document.querySelector("section")).not.toBeNull();
  });
  return desk;
}
let mounted: object | undefined;
const sounds = vi.fn(function () {
  const level = { setValueAtTime: vi.fn(), linearRampToValueAtTime: vi.fn(), cancelScheduledValues: vi.fn(), value: 1 };
  const node = { connect: (next: unknown) => next, gain: level, start: vi.fn(), stop: vi.fn() };
  const buffer = { copyToChannel: vi.fn(), duration: 1 };
  return { currentTime: 0, sampleRate: 8000, resume: vi.fn(), close: vi.fn(), createBuffer: () => buffer, createBufferSource: () => node, createGain: () => node };
});
const button = (text: string): HTMLButtonElement | undefined => [...document.querySelectorAll("button")].find((each) => each.textContent?.trim() === text || each.ariaLabel === text || each.getAttribute("aria-label") === text);

beforeEach(() => {
  vi.stubGlobal("matchMedia", () => ({ addEventListener: () => undefined, removeEventListener: () => undefined }));
  vi.stubGlobal("ResizeObserver", class { observe = (): void => undefined; unobserve = (): void => undefined; disconnect = (): void => undefined; });
  vi.stubGlobal("AudioContext", sounds);
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
});
afterEach(async () => {
  if (mounted) await unmount(mounted);
  mounted = undefined;
  sounds.mockClear();
});

test("sounds and two inputs are lessons, others are none", () => {
  expect(lessonOf(overviewOf("radio", 3))).toBe("radio");
  expect(lessonOf(overviewOf("mixdown", 8))).toBe("mixdown");
  expect(lessonOf(overviewOf(null, 2))).toBe("plane");
  expect(hasLesson(overviewOf("diabetes", 10))).toBe(false);
  expect(hasLesson({ ...overviewOf("radio", 3), subject: null })).toBe(false);
});

test("the radio's knobs turn the weights, and descent plays the recording", async () => {
  const desk = await shown(overviewOf("radio", 3));
  const knobs = document.querySelectorAll<HTMLElement>("[role=slider]");
  expect([...knobs].map((each) => each.getAttribute("aria-label"))).toEqual(["in 0", "in 1", "in 2"]);
  knobs[1]?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
  expect(desk.address.turns).toEqual(["output.weight[0,1]=-0.46"]);
  button("tune it by hand")?.click();
  expect(desk.address.turns).toHaveLength(3);
  button("let gradient descent tune it")?.click();
  expect([desk.address.turns, desk.address.step, desk.playing]).toEqual([[], 0, true]);
});

test("nothing sounds before a click", async () => {
  await shown(overviewOf("radio", 3));
  expect(sounds).not.toHaveBeenCalled();
  button("sound on")?.click();
  expect(sounds).toHaveBeenCalledOnce();
});

test("tracks are muted and soloed, and let go of again", async () => {
  const desk = await shown(overviewOf("mixdown", 3));
  await vi.waitFor(() => {
    flushSync();
    expect(button("mute kick")).toBeDefined();
  });
  button("mute kick")?.click();
  expect(desk.address.turns).toEqual(["output.weight[0,0]=0"]);
  flushSync();
  button("solo kick")?.click();
  expect(desk.address.turns).toEqual(["output.weight[0,1]=0", "output.weight[0,2]=0"]);
  flushSync();
  button("solo kick")?.click();
  expect(desk.address.turns).toEqual([]);
});

test("the plane reads out a point of one's own by the arrow keys", async () => {
  const desk = await shown(overviewOf("xor", 2, 2));
  const canvas = document.querySelector("canvas");
  await vi.waitFor(() => {
    canvas?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
    expect(desk.own).not.toBeNull();
  });
  expect(desk.own).toEqual([1, 1]);
  flushSync();
  expect(canvas?.getAttribute("aria-valuetext")).toContain("b 75 %");
  canvas?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect(desk.own).toBeNull();
});
