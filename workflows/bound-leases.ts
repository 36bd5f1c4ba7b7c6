import { CancellationScope, condition, isCancellation, log, sleep } from '@temporalio/workflow'
import type { Lease } from '../src/domain/lease.js'
import { release } from '../src/domain/node-book.js'
import { waiting } from './activities.js'
import type { NodeOwner } from './node-owner.js'
import { rootMessage } from './steps.js'

const RETRY_MS = 30_000

/**
 * A bound lease ends with its endpoint's own workflow, which may have been terminated or cancelled by hand. One wait for all endpoints of a
 * node: it costs one slot a node and no history, where a wait for each endpoint would fill a control worker that waits for 1,000 of them.
 */
export async function followBound(owner: NodeOwner): Promise<never> {
  for (;;) {
    await condition(() => boundOf(owner).length > 0)
    const bound = boundOf(owner)
    const scope = new CancellationScope()
    try {
      const changed = () => condition(() => !isSame(bound, boundOf(owner))).then((): string[] => [])
      const ended = await scope.run(() => Promise.race([waiting.awaitEndOfAny({ endpoints: namesOf(bound) }), changed()]))
      for (const lease of bound.filter(({ endpoint }) => ended.includes(endpoint))) {
        log.warn('an endpoint has ended and left a lease', { node: owner.nodeId, endpoint: lease.endpoint })
        owner.keep(release(owner.book, lease))
      }
    } catch (error) {
      if (isCancellation(error)) throw error
      log.warn('the endpoints of a node are not followed now', { node: owner.nodeId, error: rootMessage(error) })
      await sleep(RETRY_MS)
    } finally {
      scope.cancel()
    }
  }
}

/** Endpoints that did not answer when the book was written anew are asked again until they do, or have ended. */
export async function hearTheRest(owner: NodeOwner): Promise<never> {
  for (;;) {
    await condition(() => owner.state.unheard.length > 0)
    await sleep(RETRY_MS)
    try {
      await owner.recover()
      // What is known now to have no place there was spared until now.
      owner.state.unswept = true
    } catch (error) {
      if (isCancellation(error)) throw error
      log.warn('what endpoints have on a node is not known yet', { node: owner.nodeId, error: rootMessage(error) })
    }
  }
}

const boundOf = ({ book }: NodeOwner): Lease[] => book.leases.filter(({ state }) => state === 'bound')
const namesOf = (bound: Lease[]): string[] => [...new Set(bound.map(({ endpoint }) => endpoint))]
const isSame = (a: Lease[], b: Lease[]): boolean => a.length === b.length && a.every(({ fence }, index) => fence === b[index]?.fence)
