import { log } from '@temporalio/activity'
import type { CacheEvent } from '../../src/domain/cache/event.js'
import { revisionOfPath } from '../../src/domain/cache/revision-path.js'
import type { CacheLedger } from '../../src/ports/cache-ledger.js'

/**
 * An endpoint answers with these weights: they are what it serves, and what a rollback comes back to. A repeat is not told again. A ledger
 * that cannot be read keeps nobody from serving, and the log says so.
 */
export async function tellServed(ledger: CacheLedger, endpoint: string, modelPath: string): Promise<void> {
  const revision = revisionOfPath(modelPath)
  if (revision === null) return // weights outside of the cache, which no cleanup touches
  try {
    const last = (await eventsOf(ledger, endpoint)).findLast(({ kind }) => kind !== 'asked')
    if (last?.kind === 'served' && last.repo === revision.repo && last.commit === revision.commit) return
    await ledger.append({ kind: 'served', at: new Date().toISOString(), endpoint, ...revision })
  } catch (error) {
    log.warn('the cache was not told what an endpoint serves', { endpoint, error: String(error) })
  }
}

/**
 * An endpoint that was taken out of service needs no weights here any more. Told once, and only where it asked for some. A ledger
 * that cannot be read keeps nobody in service: its weights are spared for longer than need be, and the log says so.
 */
export async function releaseEndpoint(ledger: CacheLedger, endpoint: string): Promise<void> {
  try {
    const last = (await eventsOf(ledger, endpoint)).at(-1)
    if (last !== undefined && last.kind !== 'released') await ledger.append({ kind: 'released', at: new Date().toISOString(), endpoint })
  } catch (error) {
    log.warn('the cache still takes the weights of an endpoint for needed', { endpoint, error: String(error) })
  }
}

type OfEndpoint = Extract<CacheEvent, { endpoint: string | null }>

async function eventsOf(ledger: CacheLedger, endpoint: string): Promise<OfEndpoint[]> {
  return (await ledger.read()).filter((event): event is OfEndpoint => 'endpoint' in event && event.endpoint === endpoint)
}
