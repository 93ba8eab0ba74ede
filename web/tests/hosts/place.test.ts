import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AddressBar, WidgetState } from "../../src/hosts/place";
import type { WidgetModel } from "../../src/hosts/widget";

/** A notebook's model with a change handler, as anywidget gives it. */
function notebook(at: string) {
  const saved: string[] = [];
  const state = { at };
  let changed: () => void = () => undefined;
  const model = {
    get: (name: string) => (name === "at" ? state.at : 900),
    set: (_: string, value: string) => {
      state.at = value;
      changed();
    },
    save_changes: () => void saved.push(state.at),
    send: () => undefined,
    on: (_: string, callback: () => void) => void (changed = callback),
    off: () => void (changed = () => undefined),
  } as unknown as WidgetModel;
  return { model, saved, fromKernel: (value: string) => model.set("at", value) };
}

describe("the address bar", () => {
  it("loses the token at once, and nothing else", () => {
    history.replaceState(null, "", "/?token=secret&member=a%20b#step=3");
    const bar = new AddressBar();
    expect(location.href).toBe("http://localhost:3000/?member=a+b#step=3");
    expect(bar.start).toBe("#step=3");
    history.replaceState(null, "", "/#step=3");
  });

  it("is shared as it is written", () => {
    const bar = new AddressBar();
    bar.write("step=3");
    expect(bar.share()).toBe("http://localhost:3000/#step=3");
  });

  it("is followed where somebody writes into it, and not where the desk does", () => {
    const [bar, moves] = [new AddressBar(), [] as string[]];
    const stop = bar.follow((link) => moves.push(link));
    bar.write("step=3");
    bar.share(); // it is written at once
    dispatchEvent(new HashChangeEvent("hashchange"));
    expect(moves).toEqual([]);
    history.replaceState(null, "", "#step=5");
    dispatchEvent(new HashChangeEvent("hashchange"));
    stop();
    dispatchEvent(new HashChangeEvent("hashchange"));
    expect(moves).toEqual(["#step=5"]);
  });
});

describe("an address that changes quickly", () => {
  it("is written once in a while, and the last one always", () => {
    vi.useFakeTimers();
    const [bar, put] = [new AddressBar(), vi.spyOn(history, "replaceState")];
    for (let step = 0; step < 50; step++) {
      bar.write(`step=${step}`);
      vi.advanceTimersByTime(10);
    }
    vi.runAllTimers();
    expect(put.mock.calls.length).toBeLessThanOrEqual(6);
    expect(location.hash).toBe("#step=49");
    vi.useRealTimers();
  });
});

describe("the state of a widget", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("begins where Python says, and tells Python once a drag rests", () => {
    const { model, saved } = notebook("step=2");
    const place = new WidgetState(model);
    expect(place.start).toBe("step=2");
    for (const step of [3, 4, 5]) place.write(`step=${step}`);
    vi.runAllTimers();
    expect(saved).toEqual(["step=5"]);
    expect(place.share()).toBe('at="step=5"');
  });

  it("goes where Python sends it, and hears nothing of its own", () => {
    const { model, fromKernel } = notebook("");
    const [place, moves] = [new WidgetState(model), [] as string[]];
    const stop = place.follow((link) => moves.push(link));
    place.write("step=3");
    vi.runAllTimers();
    fromKernel("step=7");
    stop();
    fromKernel("step=9");
    expect(moves).toEqual(["step=7"]);
  });
});
