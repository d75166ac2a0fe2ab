/** Waits for a promise, but only until a signal is aborted. */

/**
 * Resolves or rejects like `outcome`, or rejects with the signal's reason if the signal is aborted first. Leaves no listener on the signal.
 */
export async function orAbort<T>(outcome: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([aborted.promise, outcome]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    outcome.catch(() => undefined);
  }
}
