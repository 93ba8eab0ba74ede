import { afterEach, describe, expect, it, vi } from "vitest";
import { ServerHost } from "../../src/hosts/server";

const asked: Headers[] = [];

describe("the server", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("is told by each page, with every question, which one it is", async () => {
    vi.stubGlobal("fetch", (_: string, { headers }: RequestInit) => {
      asked.push(new Headers(headers));
      return Promise.resolve(new Response('{"error": "none"}', { status: 409 }));
    });
    const [one, other] = [new ServerHost(), new ServerHost()];
    for (const host of [one, one, other]) await expect(host.ask("growth", {})).rejects.toThrow("none");
    const [first, second, third] = asked.map((each) => each.get("weightdesk-page"));
    expect(first).toMatch(/^\w{6,64}$/);
    expect(second).toBe(first);
    expect(third).toMatch(/^\w{6,64}$/);
    expect(third).not.toBe(first);
  });
});
