import { setMaxListeners } from 'node:events'

/**
 * Does the work for all items, at most `limit` at a time. The first failure aborts the rest, and is thrown once all have ended:
 * nothing goes on in the background.
 */
export async function inParallel<T>(
  items: T[],
  limit: number,
  outer: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // each item listens, and Node warns of a leak from the eleventh on
  const forward = (): void => controller.abort(outer?.reason)
  outer?.addEventListener('abort', forward, { once: true })
  if (outer?.aborted) forward()
  const queue = [...items]

  async function runner(): Promise<void> {
    try {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
        controller.signal.throwIfAborted()
        await work(item, controller.signal)
      }
    } catch (error) {
      controller.abort(error) // the first reason stays
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runner))
    controller.signal.throwIfAborted()
  } finally {
    outer?.removeEventListener('abort', forward)
  }
}
