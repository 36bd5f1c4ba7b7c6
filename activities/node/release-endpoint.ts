import { log } from '@temporalio/activity'
import type { CacheLedger } from '../../src/ports/cache-ledger.js'

/**
 * An endpoint that was taken out of service needs no weights here any more. Told once, and only where it asked for some. A ledger
 * that cannot be read keeps nobody in service: its weights are spared for longer than need be, and the log says so.
 */
export async function releaseEndpoint(ledger: CacheLedger, endpoint: string): Promise<void> {
  try {
    const last = (await ledger.read()).findLast((event) => 'endpoint' in event && event.endpoint === endpoint)
    if (last?.kind === 'asked') await ledger.append({ kind: 'released', at: new Date().toISOString(), endpoint })
  } catch (error) {
    log.warn('the cache still takes the weights of an endpoint for needed', { endpoint, error: String(error) })
  }
}
