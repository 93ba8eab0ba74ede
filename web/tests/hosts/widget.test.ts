import { describe, expect, it, vi } from "vitest";
import { Refusal } from "../../src/hosts/host";
import type { Growth } from "../../src/messages";
import { WidgetHost, type WidgetModel } from "../../src/hosts/widget";

type Sent = { id: string; kind: string; question: unknown };

/** A notebook's model; `events` are what it would call. */
function notebook() {
  const sent: Sent[] = [];
  const events = new Map<string, (...given: unknown[]) => void>();
  const host = new WidgetHost({
    get: ((name: string) => (name === "at" ? "" : 900)) as WidgetModel["get"],
    set: () => undefined,
    save_changes: () => undefined,
    send: (content) => void sent.push(content as Sent),
    on: (event, callback) => void events.set(event, callback as (...given: unknown[]) => void),
    off: (event) => void events.delete(event),
  });
  const answer = (id: string | undefined, value: unknown): void => events.get("msg:custom")?.({ id }, [packed(value)]);
  return { host, sent, events, answer };
}

/** As `wire.py` packs a message without arrays, at an odd place in a larger buffer. */
function packed(message: unknown): DataView {
  const header = new TextEncoder().encode(JSON.stringify({ message, arrays: [] }));
  const whole = new Uint8Array(3 + 4 + header.length);
  new DataView(whole.buffer).setUint32(3, header.length, true);
  whole.set(header, 7);
  return new DataView(whole.buffer, 3);
}

describe("a notebook's host", () => {
  it("asks one question at a time and gives each its answer", async () => {
    const { host, sent, answer } = notebook();
    const [first, second] = [host.ask("overview", {}), host.ask("metrics", {})];
    expect(sent.map(({ kind }) => kind)).toEqual(["overview"]);
    answer("another page's", { wrong: true });
    answer(sent[0]?.id, { one: 1 });
    expect(await first).toEqual({ one: 1 });
    expect(sent.map(({ kind }) => kind)).toEqual(["overview", "metrics"]);
    answer(sent[1]?.id, { two: 2 });
    expect(await second).toEqual({ two: 2 });
  });

  it("never sends what nobody wants to know any more", async () => {
    const { host, sent, answer } = notebook();
    const stale = new AbortController();
    const wanted = host.ask("overview", {});
    const left = host.ask("metrics", {}, stale.signal);
    stale.abort();
    await expect(left).rejects.toThrow();
    answer(sent[0]?.id, {});
    await wanted;
    expect(sent).toHaveLength(1);
  });

  it("waits for the answer to a question that was left on its way", async () => {
    const { host, sent, answer } = notebook();
    const stale = new AbortController();
    const left = host.ask("overview", {}, stale.signal);
    const next = host.ask("metrics", {});
    stale.abort();
    await expect(left).rejects.toThrow();
    expect(sent).toHaveLength(1);
    answer(sent[0]?.id, {});
    answer(sent[1]?.id, { two: 2 });
    expect(await next).toEqual({ two: 2 });
  });

  it("tells the line of a refusal and goes on", async () => {
    const { host, sent, events } = notebook();
    const refused = host.ask("overview", {});
    events.get("msg:custom")?.({ id: sent[0]?.id, error: "no such step" }, []);
    await expect(refused).rejects.toThrow(new Refusal("no such step"));
    void host.ask("metrics", {});
    expect(sent).toHaveLength(2);
  });

  it("says so when the kernel is gone", async () => {
    const { host, sent, events } = notebook();
    const waiting = host.ask("overview", {});
    events.get("comm_live_update")?.();
    await expect(waiting).rejects.toThrow("the kernel that answered this desk is gone");
    await expect(host.ask("metrics", {})).rejects.toThrow(Refusal);
    expect(sent).toHaveLength(1);
  });

  it("leaves nothing behind", async () => {
    const { host, events } = notebook();
    const waiting = host.ask("overview", {});
    host.close();
    await expect(waiting).rejects.toThrow("closed");
    expect(events.size).toBe(0);
  });

  it("looks whether the run has grown until it is finished", async () => {
    vi.useFakeTimers();
    const { host, sent, answer } = notebook();
    const grown: Growth[] = [];
    host.follow((growth) => grown.push(growth), () => undefined);
    for (const [at, status] of ["running", "running", "finished"].entries()) {
      await vi.advanceTimersByTimeAsync(1000);
      expect(sent.map(({ kind }) => kind)).toEqual(Array(at + 1).fill("growth"));
      answer(sent[at]?.id, { status, last_step: at, snapshots: at });
      await vi.advanceTimersByTimeAsync(0);
    }
    await vi.advanceTimersByTimeAsync(60_000);
    expect(grown.map(({ snapshots }) => snapshots)).toEqual([0, 1, 2]);
    expect(sent).toHaveLength(3);
    vi.useRealTimers();
  });
});
