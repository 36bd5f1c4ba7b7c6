/**
 * Runs `work` with a signal that aborts after `ms` with a `TimeoutError`, or with `signal`. Not `AbortSignal.any` over `AbortSignal.timeout`:
 * Node 20 holds a timeout that is only part of another signal weakly, and it never fires once it was collected.
 */
export async function withTimeLimit<T>(ms: number, signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new DOMException(`not done within ${ms} ms`, 'TimeoutError')), ms)
  const pass = (): void => limit.abort(signal?.reason)
  signal?.addEventListener('abort', pass, { once: true })
  if (signal?.aborted) pass()
  try {
    return await work(limit.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', pass)
  }
}
