import { setTimeout as sleep } from 'node:timers/promises'
import { isAimError } from '../../../contracts/errors.js'

export type RetryPolicy = {
  /** Failures in a row, without real progress between them, after which a source is given up. */
  tries: number
  /** First wait in ms; doubles with each failure in a row, and is shortened by chance to at least half. */
  baseMs: number
  maxMs: number
  /** A hub that asks for more than this, in ms, is left to the caller, who can wait without holding anything. */
  mostPatienceMs: number
  /** Longest wait for a source to say where a file is, in ms, whatever limits it has itself. */
  mostLocateMs: number
}

export const DEFAULT_RETRY: RetryPolicy = { tries: 6, baseMs: 500, maxMs: 30_000, mostPatienceMs: 120_000, mostLocateMs: 120_000 }

/** So many new bytes make an attempt a success of its own, after which failures are counted anew. */
export const REAL_PROGRESS_BYTES = 16 << 20

/** How long to wait after so many failures in a row, in ms. */
export function backoffMs({ baseMs, maxMs }: RetryPolicy, failures: number): number {
  return Math.min(maxMs, baseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2)
}

/** How long the other side asks to be left alone, in ms; 0 when it does not. */
export function askedWaitMs(error: unknown): number {
  if (!isAimError(error) || (error.code !== 'HubRateLimited' && error.code !== 'HubUnreachable')) return 0
  return Number(error.details['seconds'] ?? 0) * 1000
}

/** Waits; an abort ends it at once with the signal's reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error
  })
}
