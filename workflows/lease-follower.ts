import { isCancellation, log, sleep } from '@temporalio/workflow'
import { GRACE_SECONDS } from '../src/domain/engine.js'
import type { Lease, NodeBook, Owner, Presence } from '../src/domain/lease.js'
import { bind, release, reservedFor, reservers } from '../src/domain/node-book.js'
import { control, sweepNode, waiting } from './activities.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/** What the follower needs of the owner of a node. */
type Node = { readonly nodeId: string; readonly book: NodeBook; readonly state: { presence: Presence }; keep(book: NodeBook): void }

/** A lease that is reserved for a flow ends with it, however that ended: terminate and reset give nothing back. */
export class LeaseFollower {
  private readonly followed = new Set<string>()
  /** Leases whose flow has ended and that are looked into now. */
  settling = 0

  constructor(private readonly node: Node) {}

  /** One wait for each flow, however much is reserved for it. */
  followAll(): void {
    for (const owner of reservers(this.node.book)) {
      if (this.followed.has(owner.runId)) continue
      this.followed.add(owner.runId)
      void this.follow(owner)
    }
  }

  private async follow(owner: Owner): Promise<void> {
    try {
      while (reservedFor(this.node.book, owner).length > 0) await this.settleAfter(owner)
    } catch (error) {
      if (!isCancellation(error)) throw error
    } finally {
      this.followed.delete(owner.runId)
    }
  }

  private async settleAfter(owner: Owner): Promise<void> {
    try {
      await waiting.awaitClosed({ run: owner })
      await this.settleAll(reservedFor(this.node.book, owner))
    } catch (error) {
      if (isCancellation(error)) throw error
      log.warn('the leases of a flow that has ended are not settled yet', { ...owner, error: rootMessage(error) })
      await sleep(RETRY_MS)
    }
  }

  private async settleAll(leases: Lease[]): Promise<void> {
    this.settling += 1
    try {
      for (const lease of leases) await this.settle(lease)
    } finally {
      this.settling -= 1
    }
  }

  /** An engine that the endpoint has taken over is its own; any other has no owner any more. */
  private async settle(lease: Lease): Promise<void> {
    const { nodeId, state } = this.node
    const { endpoint, fence } = lease
    const current = await control.currentReplica({ endpoint })
    if (current?.nodeId === nodeId && current.key.fence === fence) return this.node.keep(bind(this.node.book, lease))
    // Where that does not work the node does it by itself, once the lease is gone: soon, or first of all when it comes back.
    if (state.presence === 'ready') await this.stop(lease)
    this.node.keep(release(this.node.book, lease))
  }

  private async stop({ endpoint, fence }: Lease): Promise<void> {
    try {
      const { nodeId } = this.node
      await keepStuckAway(nodeId, await sweepNode(nodeId).stopEndpoint({ endpoint, fence, graceSeconds: GRACE_SECONDS }))
    } catch (error) {
      if (isCancellation(error)) throw error
      log.warn('an engine without an owner was not stopped', { endpoint, fence, error: rootMessage(error) })
    }
  }
}

/** When something is in the way of looking into it, it is tried again after this long. */
const RETRY_MS = 30_000
