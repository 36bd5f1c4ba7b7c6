import { CancellationScope, isCancellation, log, type ApplicationFailure } from '@temporalio/workflow'
import type { DeployRequest, DeployStep, Repair } from '../src/contracts/deploy.js'
import type { EndpointRevision, Replica } from '../src/contracts/endpoint.js'
import type { PinnedModel } from '../src/contracts/model.js'
import { requestFingerprint } from '../src/contracts/request-fingerprint.js'
import type { NodeInspection } from '../src/domain/node.js'
import { measurementOf } from '../src/domain/measurement.js'
import type { Candidate } from '../src/domain/plan.js'
import { briefly, checkOnNode, control } from './activities.js'
import { planAsAsked, planFor, type Choice, type Planned } from './deploy-plan.js'
import type { Proof } from './engine-attempt.js'
import type { Ready } from './fallback-try.js'
import { failure } from './input.js'
import { inspectNodes } from './look-at-nodes.js'
import { takeLock, type Begun, type Lock } from './operation.js'
import { whyItFailed, type Attempt } from './record.js'
import { throwIfCancelled, type Undo } from './saga.js'
import type { Took } from './starting-over.js'
import { rootMessage, type Steps } from './steps.js'
import { show } from './visibility.js'

/** What every step of one deploy works on. */
export type Deploy = { request: DeployRequest; steps: Steps<DeployStep>; undo: Undo; took: Took; attempts: Attempt[] }
export type Current = NonNullable<Begun['current']>

/** Who asks, the endpoint's lock, and what serves there now. A dry run takes no lock. */
export function admit({ request, steps, undo, took }: Deploy): Promise<{ actor: string; lock: Lock | null; replica: Replica | null }> {
  const { endpoint, repair, dryRun } = request
  const reason = repair?.why.slice(0, 500) ?? request.reason
  return steps.run('validate', async () => {
    const { actor, revisionFloor } = await control.admit({ kind: 'deploy', endpoint, reason, request })
    show({ AimActor: actor })
    if (dryRun) return { actor, lock: null, replica: await control.currentReplica({ endpoint }) }
    const kind = repair === undefined ? 'deploy' : 'repair'
    const lock = await takeLock({ endpoint, kind, requestFingerprint: requestFingerprint(request), revisionFloor }, undo)
    took(lock)
    return { actor, lock, replica: lock.outcome === 'begun' ? (lock.current?.replica ?? null) : null }
  })
}

export function pin({ request, steps }: Deploy): Promise<PinnedModel> {
  return steps.run('pin', async (say) => {
    const model = await control.pinModel({ model: request.model, ref: request.ref })
    say(`${model.repo}@${model.commit}`)
    return model
  })
}

export function detect({ request, steps }: Deploy, failed: Repair['avoid'] = []): Promise<NodeInspection[]> {
  return steps.run('detect', async (say) => {
    const found = await inspectNodes(request.node, request.endpoint)
    const nodes = withoutAvoided(found, [...(request.repair?.avoid ?? []), ...failed])
    if (nodes.length === 0) throw noOther(found)
    say(nodes.map((node) => `${node.nodeId}: ${node.gpus.length} GPUs, ${node.cpus} CPUs`).join('; '))
    return nodes
  })
}

function noOther(found: NodeInspection[]): ApplicationFailure {
  const reasons = `no node answers besides ${found.map(({ nodeId }) => nodeId).join(', ')}, which it has to leave`
  return failure('NoCandidate', `no recipe fits: ${reasons}`, { reasons })
}

/** Where a repair is not to try again: it comes from there. */
function withoutAvoided(nodes: NodeInspection[], avoid: Repair['avoid']): NodeInspection[] {
  const whole = avoid.filter(({ gpus }) => gpus.length === 0).map(({ node }) => node)
  return nodes
    .filter(({ nodeId }) => !whole.includes(nodeId))
    .map((node) => {
      const avoided = avoid.filter((place) => place.node === node.nodeId).flatMap(({ gpus }) => gpus)
      return avoided.length === 0 ? node : { ...node, gpus: node.gpus.filter(({ index }) => !avoided.includes(index)) }
    })
}

export function plan({ request, steps }: Deploy, model: PinnedModel, nodes: NodeInspection[], current: Replica | null): Promise<Choice> {
  return steps.run('plan', async (say) => {
    const choice = await planFor(request, model, nodes, current)
    const { recipe, node, why } = choice.best
    showChoice(choice.best)
    say(`${recipe} on ${node}: ${why}; ${choice.plan.candidates.length - 1} more candidates, ${choice.plan.dropped.length} dropped`)
    return choice
  })
}

export function showChoice({ recipe, backend, node, gpus, card }: Candidate): void {
  show({ AimRecipe: recipe, AimBackend: backend, AimNode: node, AimHardware: card === null ? 'cpu' : `${gpus.length}x ${card}` })
}

/** For somebody who wants to see it: that nothing fits is an answer too. */
export function planOnly(
  { request, steps }: Deploy,
  model: PinnedModel,
  nodes: NodeInspection[],
  current: Replica | null,
): Promise<Planned> {
  return steps.run('plan', async (say) => {
    const planned = await planAsAsked(request, model, nodes, current)
    if (planned.best !== null) showChoice(planned.best)
    say(planned.best === null ? 'nothing fits' : `${planned.best.recipe} on ${planned.best.node}`)
    return planned
  })
}

/** Keeps what the engine told of its memory, for the next plan. It serves either way: what cannot be kept is only logged. */
export async function learn({ candidate: best, memory }: Ready, nodes: NodeInspection[]): Promise<void> {
  const version = nodes.find(({ nodeId }) => nodeId === best.node)?.backends.find(({ backend }) => backend === best.backend)
  const measurement = memory && measurementOf(best, version?.ready ? version.version : 'unknown', memory, new Date().toISOString())
  if (measurement === null) return
  try {
    await briefly.keepMeasurement(measurement)
  } catch (error) {
    if (isCancellation(error)) throw error
    log.warn('what the engine told of its memory was not kept', { error: rootMessage(error) })
  }
}

/** The same proof for an engine that serves already; nothing else is done then. A node that is gone is not waited for. @throws NodeLost */
export async function proveAgain({ request, steps }: Deploy, { nodeId, key, spec }: Replica): Promise<Proof> {
  steps.skip('warm', 'launch', 'hand over')
  const { text, tokens, ms } = await steps.run('ready', async () => {
    try {
      return await checkOnNode(nodeId).proveReady({ key, spec })
    } catch (error) {
      if (whyItFailed(error).failure !== 'NodeLost') throw error
      throw failure('NodeLost', `node ${nodeId} does not answer`, { node: nodeId })
    }
  })
  await control.endOperation({ endpoint: request.endpoint })
  return { text, tokens, ms }
}

/** The endpoint's own workflow owns the engine from here: this deploy has nothing left to undo. Too late to cancel: it happens whole. */
export function handOver({ request, steps, undo }: Deploy, replica: Replica, revision: EndpointRevision): Promise<void> {
  return steps.run('hand over', async () => {
    throwIfCancelled()
    await CancellationScope.nonCancellable(() => control.adoptReplica({ endpoint: request.endpoint, replica, revision }))
    undo.drop()
  })
}
