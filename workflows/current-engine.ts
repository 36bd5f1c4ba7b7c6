import { isCancellation, log } from '@temporalio/workflow'
import type { Replica } from '../src/contracts/endpoint.js'
import type { Run } from '../src/contracts/messages.js'
import { GRACE_SECONDS } from '../src/domain/engine.js'
import { control, sweepNode } from './activities.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/** The engine that serves while another one is tried: it makes way for it, and comes back when that does not work out. */
export class CurrentEngine {
  private isAway = false

  constructor(
    private readonly endpoint: string,
    private readonly replica: Replica | null,
    private readonly holder: Run,
  ) {}

  /** Not before the weights of the new one are there. On the same node the new one's start ends it. */
  async makeWay(node: string): Promise<void> {
    if (this.replica === null || this.isAway) return
    const { endpoint, holder } = this
    this.isAway = true
    await control.standDown({ endpoint, holder })
    if (this.replica.nodeId !== node) await this.stop(this.replica)
  }

  /** Serves again, for as long as something else takes. */
  async comeBack(): Promise<void> {
    if (!this.isAway) return
    await control.resume({ endpoint: this.endpoint, holder: this.holder })
    this.isAway = false
  }

  /** A node that does not answer is not waited for: its engine ends when it comes back and the lease is gone. */
  private async stop({ nodeId, key }: Replica): Promise<void> {
    try {
      const stop = { endpoint: this.endpoint, graceSeconds: GRACE_SECONDS, fence: key.fence }
      await keepStuckAway(nodeId, await sweepNode(nodeId).stopEndpoint(stop))
    } catch (error) {
      if (isCancellation(error)) throw error
      log.warn('the engine before could not be stopped', { node: nodeId, error: rootMessage(error) })
    }
  }
}
