const BREATH = 30; // milliseconds until the page may do something else

/** To be called often in long work: lets the page do something else now and then, and ends what nobody wants any more. */
export function breathing(signal?: AbortSignal): () => Promise<void> | undefined {
  let breath = performance.now();
  return () => {
    if (performance.now() - breath < BREATH) return undefined;
    return new Promise((go) => setTimeout(go)).then(() => {
      signal?.throwIfAborted();
      breath = performance.now();
    });
  };
}
