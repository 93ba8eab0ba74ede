import type { Answers, Growth, Questions } from "../messages";
import { Refusal, type Host } from "./host";
import { unpack } from "./wire";

const AGAIN = 1000; // milliseconds until the next try to connect

/** What follows a path of the server: of a comparison, which of its runs the page is about. */
export function about(search: string): string {
  const member = new URLSearchParams(search).get("member");
  return member ? `?${new URLSearchParams({ member }).toString()}` : "";
}

/** Answers from the server that gave out the page. */
export class ServerHost implements Host {
  readonly #about = about(location.search);
  readonly #name = Math.random().toString(36).slice(2); // by which the server gives pages their turns

  async ask<K extends keyof Questions>(kind: K, question: Questions[K], signal?: AbortSignal): Promise<Answers[K]> {
    const response = await fetch(`/ask/${kind}${this.#about}`, {
      method: "POST",
      headers: { "weightdesk-page": this.#name },
      body: JSON.stringify(question),
      signal: signal ?? null,
    });
    if (!response.ok) throw new Refusal(await refusal(response));
    return unpack(await response.arrayBuffer()) as Answers[K];
  }

  follow(grown: (growth: Growth) => void, connected: (is: boolean) => void): () => void {
    let socket: WebSocket | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const connect = (): void => {
      socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live${this.#about}`);
      socket.onopen = () => connected(true);
      socket.onmessage = (event: MessageEvent<string>) => grown(JSON.parse(event.data) as Growth);
      socket.onclose = () => {
        if (stopped) return;
        connected(false);
        again = setTimeout(connect, AGAIN);
      };
    };
    connect();
    return () => {
      stopped = true;
      clearTimeout(again);
      socket?.close();
    };
  }
}

async function refusal(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return (JSON.parse(text) as { error: string }).error;
  } catch {
    return text || `the server answered ${response.status}`;
  }
}
