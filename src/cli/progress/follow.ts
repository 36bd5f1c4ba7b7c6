import type { OperationHandle } from '../../client/types.js'
import { AimError, isAimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { pause, unlessInterrupted } from '../interrupt.js'
import { duration } from '../output/units.js'
import { chooseProgress } from './choose.js'
import type { Frame } from './frame.js'

const POLL_MS = 150
/** A query waits for a worker, and one that was lost is asked again after 3 s; longer silence is worth a line. */
const SILENT_AFTER_MS = 5000
const NO_ANSWER = 'its progress cannot be read now; the work goes on, or waits for a worker (aim up, or aim worker)'
const LAST_POLL_MS = 1000

export type FollowOptions = {
  /** For the messages: `deploy of smol`. */
  what: string
  /** The command that shows how it goes: `aim status smol`. */
  look: string
  /** Milliseconds; then Timeout, and the work goes on. */
  timeoutMs?: number
  /** What a person who leaves is told. */
  onLeave: string[]
}

/**
 * Shows the steps of a flow until it ends, and returns its result.
 * Throws the flow's own AimError, AimError Timeout, or Interrupted; after the last two the work goes on.
 */
export async function follow<Result>(cli: Cli, handle: OperationHandle<Result>, options: FollowOptions): Promise<Result> {
  const interrupts = cli.interrupts()
  const renderer = chooseProgress(cli)
  const { now } = cli.terminal
  const frame: Frame = { progress: null, problem: null }
  const stop = new AbortController()
  // Not awaited: a query that hangs must not keep a person who has left.
  void pollProgress(handle, frame, stop.signal)
  const drawing = every(POLL_MS, stop.signal, () => renderer.update(frame, now()))
  try {
    const result = await unlessInterrupted(orTimeout(handle.result(), options), interrupts, options.onLeave)
    await showEnd(handle, frame)
    return result
  } catch (error) {
    if (isAimError(error) && error.code !== 'Timeout') await showEnd(handle, frame)
    throw error
  } finally {
    stop.abort()
    await drawing
    renderer.update(frame, now())
    renderer.end(now())
  }
}

async function pollProgress(handle: OperationHandle<unknown>, frame: Frame, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const silence = setTimeout(() => (frame.problem = NO_ANSWER), SILENT_AFTER_MS)
    try {
      const progress = await handle.progress()
      if (!signal.aborted) Object.assign(frame, { progress, problem: null })
    } catch (error) {
      // How the flow ended is told by its result; a query may well fail while a worker restarts.
      if (frame.problem !== null) frame.problem = `${NO_ANSWER}: ${(error as Error).message}`
    } finally {
      clearTimeout(silence)
    }
    await pause(POLL_MS, signal)
  }
}

async function every(ms: number, signal: AbortSignal, act: () => void): Promise<void> {
  while (!signal.aborted) {
    act()
    await pause(ms, signal)
  }
}

/** The last poll may be older than the end. A worker that does not answer now delays nobody. */
async function showEnd(handle: OperationHandle<unknown>, frame: Frame): Promise<void> {
  const enough = new AbortController()
  const last = handle.progress().then(
    (progress) => Object.assign(frame, { progress }),
    () => undefined, // the end is known all the same; the last picture stays
  )
  await Promise.race([last, pause(LAST_POLL_MS, enough.signal)])
  enough.abort()
  frame.problem = null
}

async function orTimeout<T>(work: Promise<T>, { timeoutMs, what, look }: FollowOptions): Promise<T> {
  if (timeoutMs === undefined) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AimError('Timeout', { what, after: duration(timeoutMs), look })), timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
