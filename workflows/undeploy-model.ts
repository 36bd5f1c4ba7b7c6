import { UNDEPLOY_STEPS, UndeployRequest } from '../src/contracts/deploy.js'
import type { UndeployResult } from '../src/contracts/endpoint.js'
import { workflowIds } from '../src/contracts/workflow-ids.js'
import { control, onNode, sweepNode } from './activities.js'
import { failure, parseInput } from './input.js'
import { endHolder, resultOf, type Lock } from './operation.js'
import { recorded, rootFailure, whyItFailed, type Ending } from './record.js'
import { keepStuckAway } from './stuck-gpus.js'
import { withUndo, type Undo } from './saga.js'
import { startingOver, type Took } from './starting-over.js'
import { Steps } from './steps.js'
import { show } from './visibility.js'

/** Longer than this nobody waits for a node that its owner does not hear of either. */
const PATIENCE_MS = 120_000

/** Takes an endpoint out of service: whatever runs under its name is stopped on every node, then its own workflow ends. */
export async function undeployModel(input: unknown): Promise<UndeployResult> {
  const request = parseInput(UndeployRequest, input)
  const steps = new Steps(UNDEPLOY_STEPS)
  show({ AimEndpoint: request.endpoint, AimState: 'stopping' })
  return startingOver(request, (took) => recorded(() => withUndo((undo) => undeploy({ request, steps, undo, took }))))
}

type Undeploy = { request: UndeployRequest; steps: Steps<(typeof UNDEPLOY_STEPS)[number]>; undo: Undo; took: Took }

async function undeploy({ request, steps, undo, took }: Undeploy): Promise<Ending<UndeployResult>> {
  const { endpoint, reason } = request
  const lock = await steps.run('validate', async () => {
    const { actor, revisionFloor } = await control.admit({ kind: 'undeploy', endpoint, reason, request })
    show({ AimActor: actor })
    return takeOver(endpoint, revisionFloor, undo)
  })
  took(lock)
  if (lock.outcome === 'joined') return { state: 'absent', revision: null, result: lock.result as UndeployResult }
  // One that was reset has no lock by which it would have been found.
  await control.cancelRun({ run: { workflowId: workflowIds.deploy(endpoint), runId: '' } })

  const { engines, silent, undying } = await steps.run('stop', async (say) => {
    await control.standDown({ endpoint })
    const swept = await stopEverywhere(request, lock.current?.replica.nodeId)
    say([`${swept.engines.length} stopped`, ...swept.silent.map((node) => `${node} does not answer`), ...swept.undying].join('; '))
    return swept
  })
  await steps.run('release', async () => {
    await control.giveBackEverywhere({ endpoint })
    await control.retire({ endpoint })
  })

  const outcome = lock.current === null && engines.length + undying.length === 0 ? 'absent' : 'stopped'
  show({ AimState: outcome })
  return { state: outcome, revision: null, result: { endpoint, outcome, stopped: engines, silent, undying } }
}

/** Takes the lock; a deploy or a repair that holds it is cancelled first, and undoes what it did. Another undeploy is joined. */
async function takeOver(endpoint: string, revisionFloor: number, undo: Undo): Promise<Lock> {
  undo(() => control.endOperation({ endpoint }))
  for (let tries = 0; ; tries += 1) {
    const answer = await control.beginOperation({ endpoint, kind: 'undeploy', requestFingerprint: '', revisionFloor })
    if (answer.outcome === 'begun') return answer
    if (answer.outcome === 'busy' && answer.kind !== 'undeploy') {
      await endHolder(answer.holder, tries)
      continue
    }
    const result = await resultOf(answer.holder, tries)
    if (result !== null) return { outcome: 'joined', result }
  }
}

/** Stops the endpoint's engines on every node. Its own node must answer unless it is lost, or that is waived; others that do not are named. */
async function stopEverywhere({ endpoint, graceSeconds, force }: UndeployRequest, home: string | undefined) {
  const nodes = [...new Set([...(await control.listNodes()), ...(home === undefined ? [] : [home])])]
  const stop = { endpoint, graceSeconds, release: true }
  const sweeps = nodes.map(async (nodeId) => {
    const ended = await (nodeId === home && !force ? stopAtHome(nodeId, stop) : sweepNode(nodeId).stopEndpoint(stop))
    await keepStuckAway(nodeId, ended)
    return {
      engines: ended.stopped.map((engine) => ({ node: nodeId, engine })),
      undying: ended.undying.map((what) => `${what} (${nodeId})`),
    }
  })
  const results = await Promise.allSettled(sweeps)
  const silent = results.flatMap((result, index) => {
    if (result.status === 'fulfilled') return []
    if (nodes[index] === home && !force && rootFailure(result.reason).type !== 'NodeLost') throw result.reason
    return [nodes[index] ?? '']
  })
  const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  return { engines: done.flatMap(({ engines }) => engines), undying: done.flatMap(({ undying }) => undying), silent }
}

type Stop = Parameters<ReturnType<typeof onNode>['stopEndpoint']>[0]

/** @throws NodeLost when its owner gives the node up: what runs there ends when it is back, because its lease is gone. */
async function stopAtHome(nodeId: string, stop: Stop) {
  const untilMs = Date.now() + PATIENCE_MS
  for (;;) {
    const presence = (await control.nodeViews()).find((view) => view.nodeId === nodeId)?.presence
    const isOverdue = Date.now() >= untilMs
    if (presence === 'lost' || (isOverdue && presence !== 'ready'))
      throw failure('NodeLost', `node ${nodeId} does not answer`, { node: nodeId })
    try {
      return await onNode(nodeId, '5 s').stopEndpoint(stop)
    } catch (error) {
      if (isOverdue || whyItFailed(error).failure !== 'NodeLost') throw error
    }
  }
}
