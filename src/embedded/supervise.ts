import { setTimeout as sleep } from 'node:timers/promises'
import { AimError, isAimError } from '../contracts/errors.js'
import { startTemporal, type TemporalOptions, type TemporalServer } from './server.js'

/** What happens to a server that is owned: for the owner's log, and for its decision when we give up. */
export type TemporalEvent =
  | { kind: 'died'; reason: string; logTail: string[]; retryInMs: number }
  | { kind: 'restarted'; pid: number; downMs: number }
  | { kind: 'failed'; error: AimError; logTail: string[] }

/** A server that is started again when it dies. `pid` changes with each start; address and page stay. */
export type SupervisedTemporal = Pick<TemporalServer, 'address' | 'uiUrl' | 'stop'> & { readonly pid: number }

/** A life shorter than `quickDeathMs` counts towards `maxQuickDeaths` in a row; a longer one clears the count. */
export type Patience = { maxQuickDeaths: number; quickDeathMs: number; firstDelayMs: number; maxDelayMs: number }

const PATIENCE: Patience = { maxQuickDeaths: 5, quickDeathMs: 30_000, firstDelayMs: 200, maxDelayMs: 5_000 }

type Death = { reason: string; logTail: string[]; at: number }

/**
 * Starts the server and keeps it: a death that nobody asked for is followed by a start on the same ports and the same state, each time
 * later; after `maxQuickDeaths` in a row it gives up with `TemporalFailed`. The first start throws like `startTemporal`.
 */
export async function superviseTemporal(
  options: TemporalOptions,
  onEvent: (event: TemporalEvent) => void,
  patience: Patience = PATIENCE,
): Promise<SupervisedTemporal> {
  let server = await startTemporal(options)
  const stopping = new AbortController()
  const kept = keep()

  /** Ends when the server is stopped or given up. */
  async function keep(): Promise<void> {
    for (let quickDeaths = 0, startedAt = Date.now(); ; startedAt = Date.now()) {
      const exit = await server.exited.catch((error: unknown) => ({ reason: String(error), logTail: [] }))
      if (stopping.signal.aborted) return
      if (Date.now() - startedAt >= patience.quickDeathMs) quickDeaths = 0
      const outcome = await revive({ ...exit, at: Date.now() }, quickDeaths + 1)
      if (outcome === null) return
      server = outcome.server
      quickDeaths = outcome.deaths
    }
  }

  /** A start that fails counts as one more quick death. Null when stopped or given up. */
  async function revive(death: Death, deaths: number): Promise<{ server: TemporalServer; deaths: number } | null> {
    const { reason, logTail } = death
    if (deaths >= patience.maxQuickDeaths) {
      const error = new AimError('TemporalFailed', { reason: `${reason} (${deaths} times in a row)`, log: options.log })
      onEvent({ kind: 'failed', error, logTail })
      return null
    }
    const retryInMs = Math.min(patience.firstDelayMs * 2 ** (deaths - 1), patience.maxDelayMs)
    onEvent({ kind: 'died', reason, logTail, retryInMs })
    await sleep(retryInMs, undefined, { signal: stopping.signal }).catch(() => {}) // stopped: seen below
    if (stopping.signal.aborted) return null
    const next = await startTemporal(options).catch((error: unknown) => error as Error)
    if (stopping.signal.aborted) {
      if (!(next instanceof Error)) await next.stop()
      return null
    }
    if (next instanceof Error) {
      const detail = isAimError(next) && next.code === 'TemporalFailed' ? String(next.details['reason']) : next.message
      return revive({ reason: detail, logTail, at: death.at }, deaths + 1)
    }
    onEvent({ kind: 'restarted', pid: next.pid, downMs: Date.now() - death.at })
    return { server: next, deaths }
  }

  return {
    address: server.address,
    uiUrl: server.uiUrl,
    get pid() {
      return server.pid
    },
    async stop(graceMs) {
      stopping.abort()
      await server.stop(graceMs)
      await kept
    },
  }
}
