import type { Worker } from '@temporalio/worker'

type Create = () => Promise<Worker[]>

/**
 * Runs workers until the signal, then drains them: running activities end or are handed over. `started` may add more of them, and may go on
 * as long as they run. A worker that fails, or `started` that does, ends them all. Returns, or throws that failure, when every worker has
 * ended: only then may their connection close.
 */
export async function runWorkers(
  first: Create | null,
  signal: AbortSignal,
  started: (run: (more: Create) => void) => Promise<void>,
): Promise<void> {
  const over = new AbortController()
  const stop = (): void => over.abort()
  const groups: Promise<void>[] = []
  let failed: { error: unknown } | null = null
  const fail = (error: unknown): void => {
    failed ??= { error }
    stop()
  }
  const run = (more: Create): void => {
    if (!over.signal.aborted) groups.push(runGroup(more, over.signal).then(stop, fail))
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const end = new Promise<void>((resolve) => {
    over.signal.addEventListener('abort', () => resolve(), { once: true })
    if (over.signal.aborted) resolve()
  })
  if (first !== null) run(first)
  // While nobody answers, `started` may never settle; the workers' end settles it all.
  started(run).catch(fail)
  await end
  await Promise.all(groups)
  if (failed !== null) throw (failed as { error: unknown }).error
}

/** They end together, at the signal or with the first of them. */
async function runGroup(create: Create, signal: AbortSignal): Promise<void> {
  const workers = await create()
  const stop = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
  }
  const runs = workers.map((worker) => worker.run().finally(stop))
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const results = await Promise.allSettled(runs)
  const failure = results.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}
