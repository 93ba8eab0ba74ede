import { describe, expect, it } from "vitest";
import type { Host } from "../../src/hosts/host";
import { KeptHost } from "../../src/hosts/kept";

interface Heard {
  readonly question: object;
  readonly signal: AbortSignal;
  readonly answer: (given: unknown) => void;
}

function hosts(): { host: KeptHost; heard: Heard[] } {
  const heard: Heard[] = [];
  const ask = (_kind: string, question: object, signal = new AbortController().signal): Promise<unknown> =>
    new Promise((answer, refuse) => {
      signal.addEventListener("abort", () => refuse(signal.reason));
      heard.push({ question, signal, answer });
    });
  return { host: new KeptHost({ ask, follow: () => () => undefined } as unknown as Host), heard };
}

const ROW = { parameter: "fc.weight", step: 3, unit: 5 };

describe("what never changes", () => {
  it("is asked once, however the question was put together", async () => {
    const { host, heard } = hosts();
    const found = [host.ask("weights", ROW), host.ask("weights", { unit: 5, step: 3, parameter: "fc.weight" })];
    heard[0]?.answer({ values: 7 });
    expect(await Promise.all(found)).toEqual([{ values: 7 }, { values: 7 }]);
    expect(await host.ask("weights", ROW)).toEqual({ values: 7 });
    await Promise.resolve();
    expect(heard).toHaveLength(1);
  });

  it("is taken back only when nobody waits for it any more", async () => {
    const { host, heard } = hosts();
    const [one, other] = [new AbortController(), new AbortController()];
    const gone = host.ask("weights", ROW, one.signal);
    const left = host.ask("weights", ROW, other.signal);
    one.abort();
    await expect(gone).rejects.toThrow(/abort/i);
    expect(heard[0]?.signal.aborted).toBe(false);
    other.abort();
    await expect(left).rejects.toThrow(/abort/i);
    expect(heard[0]?.signal.aborted).toBe(true);
    const again = host.ask("weights", ROW);
    expect(heard).toHaveLength(2);
    heard[1]?.answer({ values: 8 });
    expect(await again).toEqual({ values: 8 });
  });

  it("is waited for in any case by who gives no signal", async () => {
    const { host, heard } = hosts();
    const one = new AbortController();
    const [gone, stays] = [host.ask("weights", ROW, one.signal), host.ask("weights", ROW)];
    one.abort();
    await expect(gone).rejects.toThrow(/abort/i);
    heard[0]?.answer({ values: 9 });
    expect(await stays).toEqual({ values: 9 });
  });

  it("is asked again where it was refused", async () => {
    const { host, heard } = hosts();
    const refused = host.ask("weights", ROW);
    heard[0]?.answer(Promise.reject(new Error("no")));
    await expect(refused).rejects.toThrow("no");
    await Promise.resolve();
    void host.ask("weights", ROW);
    expect(heard).toHaveLength(2);
  });
});

it("asks what grows with the run each time", () => {
  const { host, heard } = hosts();
  void host.ask("overview", {});
  void host.ask("overview", {});
  expect(heard).toHaveLength(2);
});
