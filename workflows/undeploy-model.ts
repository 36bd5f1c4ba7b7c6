import { UNDEPLOY_STEPS, UndeployRequest } from '../src/contracts/deploy.js'
import type { UndeployResult } from '../src/contracts/endpoint.js'
import type { OperationAnswer } from '../src/contracts/messages.js'
import { control, onNode, sweepNode, waiting } from './activities.js'
import { giveBackAll } from './give-back.js'
import { parseInput } from './input.js'
import { resultOf, type Lock } from './operation.js'
import { recorded } from './record.js'
import { keepStuckAway } from './stuck-gpus.js'
import { withUndo, type Undo } from './saga.js'
import { Steps } from './steps.js'
import { show } from './visibility.js'

type Begun = Extract<OperationAnswer, { outcome: 'begun' }>

/** Takes an endpoint out of service: whatever runs under its name is stopped on every node, then its own workflow ends. */
export async function undeployModel(input: unknown): Promise<UndeployResult> {
  const request = parseInput(UndeployRequest, input)
  const { endpoint, reason } = request
  const steps = new Steps(UNDEPLOY_STEPS)
  show({ AimEndpoint: endpoint, AimState: 'stopping' })

  return recorded(() =>
    withUndo(async (undo) => {
      const lock = await steps.run('validate', async () => {
        const { actor, revisionFloor } = await control.admit({ kind: 'undeploy', endpoint, reason, request })
        show({ AimActor: actor })
        return takeOver(endpoint, revisionFloor, undo)
      })
      if (lock.outcome === 'joined') return { state: 'absent', revision: null, result: lock.result as UndeployResult }

      const { engines, silent } = await steps.run('stop', async (say) => {
        await control.standDown({ endpoint })
        const swept = await stopEverywhere(request, await homeOf(lock))
        say([`${swept.engines.length} stopped`, ...swept.silent.map((node) => `${node} does not answer`)].join('; '))
        return swept
      })
      await steps.run('release', async () => {
        await giveBackAll(endpoint)
        await control.retire({ endpoint })
      })

      const outcome = lock.current === null && engines.length === 0 ? 'absent' : 'stopped'
      show({ AimState: outcome })
      return { state: outcome, revision: null, result: { endpoint, outcome, stopped: engines, silent } }
    }),
  )
}

/** Takes the lock; a deploy or a repair that holds it is cancelled first, and undoes what it did. Another undeploy is joined. */
async function takeOver(endpoint: string, revisionFloor: number, undo: Undo): Promise<Lock> {
  undo(() => control.endOperation({ endpoint }))
  for (;;) {
    const answer = await control.beginOperation({ endpoint, kind: 'undeploy', requestFingerprint: '', revisionFloor })
    if (answer.outcome === 'begun') return answer
    if (answer.outcome === 'busy' && answer.kind !== 'undeploy') {
      await control.cancelRun({ run: answer.holder })
      await waiting.awaitClosed({ run: answer.holder })
      continue
    }
    const result = await resultOf(answer.holder)
    if (result !== null) return { outcome: 'joined', result }
  }
}

/** The node that must answer; one that is lost need not: what runs there ends when it is back, because its lease is gone. */
async function homeOf({ current }: Begun): Promise<string | undefined> {
  const home = current?.replica.nodeId
  const view = (await control.nodeViews()).find(({ nodeId }) => nodeId === home)
  return view?.presence === 'lost' ? undefined : home
}

/** Stops the endpoint's engines on every node. Its own node must answer, unless that is waived; others that do not are named. */
async function stopEverywhere({ endpoint, graceSeconds, force }: UndeployRequest, home: string | undefined) {
  const nodes = [...new Set([...(await control.listNodes()), ...(home === undefined ? [] : [home])])]
  const sweeps = nodes.map(async (nodeId) => {
    const node = nodeId === home && !force ? onNode(nodeId) : sweepNode(nodeId)
    const ended = await node.stopEndpoint({ endpoint, graceSeconds, release: true })
    await keepStuckAway(nodeId, ended)
    return ended.stopped.map((engine) => ({ node: nodeId, engine }))
  })
  const results = await Promise.allSettled(sweeps)
  const silent = results.flatMap((result, index) => {
    if (result.status === 'fulfilled') return []
    if (nodes[index] === home && !force) throw result.reason
    return [nodes[index] ?? '']
  })
  return { engines: results.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])), silent }
}
