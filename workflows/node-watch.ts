import { CancellationScope, condition, defineSignal, setHandler, type ApplicationFailure } from '@temporalio/workflow'
import { NodeNewsInput } from '../src/contracts/manage-node.js'
import { NODE_SIGNAL } from '../src/contracts/node-owner.js'
import { failure } from './input.js'

/** What a flow hears of the nodes that it works on, from their owners. */
export class NodeWatch {
  private readonly lost = new Set<string>()
  private readonly drained = new Set<string>()

  constructor(private readonly endpoint: string) {
    setHandler(defineSignal<[unknown]>(NODE_SIGNAL), (told) => {
      const news = NodeNewsInput.safeParse(told)
      if (!news.success) return
      const { nodeId, presence, drain } = news.data
      if (presence === 'lost') this.lost.add(nodeId)
      if (presence === 'ready') this.lost.delete(nodeId)
      if (drain) this.drained.add(nodeId)
      else this.drained.delete(nodeId)
    })
  }

  isLost(nodeId: string): boolean {
    return this.lost.has(nodeId)
  }

  /** Work on a node, called off when the node is lost: whatever was asked of it there is not waited for. */
  unlessLost<T>(nodeId: string, work: () => Promise<T>): Promise<T> {
    return this.unless(
      () => this.isLost(nodeId),
      () => nodeLost(nodeId),
      work,
    )
  }

  /** The same, also when the node is to be left. */
  unlessLeft<T>(nodeId: string, work: () => Promise<T>): Promise<T> {
    const why = () => (this.isLost(nodeId) ? nodeLost(nodeId) : drained(nodeId, this.endpoint))
    return this.unless(() => this.isLost(nodeId) || this.drained.has(nodeId), why, work)
  }

  private async unless<T>(isOver: () => boolean, why: () => ApplicationFailure, work: () => Promise<T>): Promise<T> {
    let ended = false
    const scope = new CancellationScope()
    const running = scope.run(work).finally(() => (ended = true))
    // A cancelled flow still waits for the work to end, so this waits in a scope of its own.
    const over = CancellationScope.nonCancellable(() => condition(() => ended || isOver()))
    await Promise.race([running, over])
    if (ended || !isOver()) return running
    running.catch(() => {})
    scope.cancel()
    throw why()
  }
}

function nodeLost(node: string): ApplicationFailure {
  return failure('NodeLost', `node ${node} does not answer`, { node })
}

function drained(node: string, endpoint: string): ApplicationFailure {
  const why = 'the node is being drained'
  return failure('LeaseRefused', `${node} refuses ${endpoint}: ${why}`, { node, endpoint, why })
}
