import { Context, cancellationDetails } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'

/**
 * Runs long work that heartbeats on its own clock, with the details that `work` last gave it.
 * A worker that shuts down is a retry elsewhere, never an end of the work.
 */
export async function beating<T>(everyMs: number, work: (signal: AbortSignal, note: (details: unknown) => void) => Promise<T>): Promise<T> {
  const { cancellationSignal: signal, heartbeat } = Context.current()
  const send = heartbeat.bind(Context.current())
  let details: unknown = Context.current().info.heartbeatDetails
  const timer = setInterval(() => send(details), everyMs)
  send(details)
  try {
    return await work(signal, (next) => {
      details = next
    })
  } catch (error) {
    throw signal.aborted ? interruption() : error
  } finally {
    clearInterval(timer)
  }
}

function interruption(): unknown {
  if (cancellationDetails()?.workerShutdown) {
    return ApplicationFailure.retryable('the worker shuts down; another takes over', 'WorkerShutdown')
  }
  return Context.current().cancellationSignal.reason
}

type Activity = (...args: never[]) => Promise<unknown>

/** The same activities, which beat while they take their time, so that one whose worker died is done again soon. A short one costs nothing. */
export function withBeats<T extends Record<string, Activity>>(everyMs: number, activities: T): T {
  const beaten = Object.entries(activities).map(([name, run]): [string, Activity] => [
    name,
    async (...args) => {
      const context = Context.current()
      const timer = setInterval(() => context.heartbeat(context.info.heartbeatDetails), everyMs)
      try {
        return await run(...args)
      } finally {
        clearInterval(timer)
      }
    },
  ])
  return Object.fromEntries(beaten) as T
}
