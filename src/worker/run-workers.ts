import type { Worker } from '@temporalio/worker'

/**
 * Runs workers until the signal, then drains them: running activities end or are handed over. A worker that fails, or `started`
 * that does, ends them all. Returns, or throws that failure, when every worker has ended: only then may their connection close.
 */
export async function runWorkers(workers: Worker[], signal: AbortSignal, started: () => Promise<void>): Promise<void> {
  const stop = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
  }
  signal.addEventListener('abort', stop, { once: true })
  const runs = workers.map((worker) => worker.run().finally(stop))
  if (signal.aborted) stop()
  const begun = started().catch((error: unknown) => {
    stop()
    throw error
  })
  const ended = Promise.allSettled(runs)
  // While nobody answers, `started` may never settle; the workers' end settles it all.
  const [results, start] = await Promise.all([
    ended,
    Promise.race([
      begun.then(
        () => null,
        (error: unknown) => ({ error }),
      ),
      ended.then(() => null),
    ]),
  ])
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  if (start !== null) throw start.error
}
