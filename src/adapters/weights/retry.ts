import { setTimeout as sleep } from 'node:timers/promises'
import { ERRORS, isAimError } from '../../contracts/errors.js'

export type RetryPolicy = {
  /** Failures in a row, without real progress between them, after which the last one is thrown. */
  tries: number
  /** First wait in ms; doubles with each failure in a row, and is shortened by chance to at least half. */
  baseMs: number
  maxMs: number
  /** A hub that asks for more than this, in ms, is left to the caller, who can wait without holding anything. */
  mostPatienceMs: number
}

export const DEFAULT_RETRY: RetryPolicy = { tries: 6, baseMs: 500, maxMs: 30_000, mostPatienceMs: 120_000 }

/** So many new bytes make an attempt a success of its own, after which failures are counted anew. */
const REAL_PROGRESS_BYTES = 16 << 20

export type Retried = {
  attempt: () => Promise<void>
  /** How many good bytes there are now. Losing them, as after a wrong digest, is no progress. */
  progress: () => number
  /** Ends it for reasons of the caller's. */
  giveUp: (error: unknown) => boolean
  policy: RetryPolicy
  signal: AbortSignal
}

/** Runs `attempt` until it succeeds, fails for good (a code that the table says not to retry, or no AimError), or failed too often. */
export async function withRetries({ attempt, progress, giveUp, policy, signal }: Retried): Promise<void> {
  for (let failures = 1; ; failures++) {
    const before = progress()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (progress() - before >= REAL_PROGRESS_BYTES) failures = 1
      const asked = askedWaitMs(error)
      if (!isAimError(error) || !ERRORS[error.code].retry || giveUp(error)) throw error
      if (failures >= policy.tries || asked > policy.mostPatienceMs) throw error
      await pause(Math.max(asked, backoffMs(policy, failures)), signal)
    }
  }
}

/** Waits; an abort ends it at once with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error
  })
}

function backoffMs({ baseMs, maxMs }: RetryPolicy, failures: number): number {
  return Math.min(maxMs, baseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
}

function askedWaitMs(error: unknown): number {
  if (!isAimError(error) || (error.code !== 'HubRateLimited' && error.code !== 'HubUnreachable')) return 0
  return Number(error.details['seconds'] ?? 0) * 1000
}
