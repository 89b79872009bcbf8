/**
 * A reader that asks again after `forMs` at the latest. The promise is kept, so that many requests of one moment ask once; a failure is not.
 */
export function remembered<Value>(
  read: () => Promise<Value>,
  options: { readonly forMs: number; readonly now: () => number },
): () => Promise<Value> {
  let kept: { readonly value: Promise<Value>; readonly untilMs: number } | null = null;
  return () => {
    if (kept !== null && kept.untilMs > options.now()) return kept.value;
    const value = read();
    const fresh = { value, untilMs: options.now() + options.forMs };
    kept = fresh;
    value.catch(() => {
      if (kept === fresh) kept = null;
    });
    return value;
  };
}
