import { CancellationScope, condition, isCancellation } from '@temporalio/workflow'

/**
 * Does `work` whenever it is wanted, in a scope of its own: it is called off, and awaited, as soon as it is not. `failed` hears of an end
 * that was none of ours, and must see to it that the work is not wanted as it was. Returns when `over`.
 */
export async function whileWanted(
  work: () => Promise<void>,
  { wanted, over, failed }: { wanted: () => boolean; over: () => boolean; failed: (error: unknown) => void },
): Promise<void> {
  for (;;) {
    await condition(() => wanted() || over())
    if (over()) return
    let done = false
    const scope = new CancellationScope()
    const ended = scope
      .run(work)
      .catch((error: unknown) => {
        if (!isCancellation(error)) failed(error)
      })
      .finally(() => (done = true))
    await condition(() => done || !wanted() || over())
    scope.cancel()
    await ended
  }
}
