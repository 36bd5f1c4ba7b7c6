import type { Worker } from '@temporalio/worker'

/** Runs workers until the signal, then drains them: running activities end or are handed over. A worker that fails ends them all. */
export async function runWorkers(workers: Worker[], signal: AbortSignal): Promise<void> {
  const stop = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown()
  }
  signal.addEventListener('abort', stop, { once: true })
  const runs = workers.map((worker) => worker.run().finally(stop))
  if (signal.aborted) stop()
  const results = await Promise.allSettled(runs)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
