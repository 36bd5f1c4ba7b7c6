import { CancellationScope, isCancellation, log, workflowInfo } from '@temporalio/workflow'
import type { DeployRequest, DeployStep } from '../src/contracts/deploy.js'
import type { EndpointRevision, Replica } from '../src/contracts/endpoint.js'
import type { OperationAnswer } from '../src/contracts/messages.js'
import type { ModelFile, PinnedModel, Weights } from '../src/contracts/model.js'
import { requestFingerprint } from '../src/contracts/request-fingerprint.js'
import type { NodeInspection } from '../src/domain/node.js'
import { GRACE_SECONDS } from '../src/domain/engine.js'
import { measurementOf } from '../src/domain/measurement.js'
import { engineSpec } from '../src/domain/placement.js'
import { peersOf } from '../src/domain/cache/spread.js'
import { trafficText, type Peer } from '../src/domain/cache/traffic.js'
import type { Candidate } from '../src/domain/plan.js'
import { chooseFiles } from '../src/domain/weight-files.js'
import { briefly, control, longOnNode, onNode } from './activities.js'
import { planAsAsked, planFor, type Choice, type Planned } from './deploy-plan.js'
import { EngineAttempt, type Proof, type ReadyEngine } from './engine-attempt.js'
import { inspectNodes, lookAtNodes } from './look-at-nodes.js'
import { takeLock, type Lock } from './operation.js'
import { failure } from './input.js'
import type { Attempt } from './record.js'
import type { Undo } from './saga.js'
import { rootMessage, type Steps } from './steps.js'
import { show } from './visibility.js'

/** What every step of one deploy works on. */
export type Deploy = { request: DeployRequest; steps: Steps<DeployStep>; undo: Undo; attempts: Attempt[] }
export type Begun = Extract<OperationAnswer, { outcome: 'begun' }>
export type Current = NonNullable<Begun['current']>

/** Who asks, the endpoint's lock, and what serves there now. A dry run takes no lock. */
export function admit({ request, steps, undo }: Deploy): Promise<{ actor: string; lock: Lock | null; replica: Replica | null }> {
  const { endpoint, reason, dryRun } = request
  return steps.run('validate', async () => {
    const { actor, revisionFloor } = await control.admit({ kind: 'deploy', endpoint, reason, request })
    show({ AimActor: actor })
    if (dryRun) return { actor, lock: null, replica: await control.currentReplica({ endpoint }) }
    const lock = await takeLock({ endpoint, kind: 'deploy', requestFingerprint: requestFingerprint(request), revisionFloor }, undo)
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

export function detect({ request, steps }: Deploy): Promise<NodeInspection[]> {
  return steps.run('detect', async (say) => {
    const nodes = await inspectNodes(request.node, request.endpoint)
    say(nodes.map((node) => `${node.nodeId}: ${node.gpus.length} GPUs, ${node.cpus} CPUs`).join('; '))
    return nodes
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

function showChoice({ recipe, backend, node, gpus, card }: Candidate): void {
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

/** Brings the weights to the node. A deploy that fails leaves nothing half-written there. */
export function warm(
  { request, steps, undo }: Deploy,
  { best, model: { files, ...model } }: Choice,
  nodes: NodeInspection[],
): Promise<Weights> {
  return steps.run('warm', async (say) => {
    undo(() => onNode(best.node).discardPartial({ model }))
    const { endpoint } = request
    const others = request.node === undefined || best.cached ? [] : await nodesBesides(nodes)
    const peers = peersWith(model.repo, best.node, [...nodes, ...others])
    const weights = await longOnNode(best.node).ensureWeights({ model, files: filesOf(best, files), peers, endpoint })
    const { cache, bytes, fetchedBytes, sources } = weights
    say(`cache ${trafficText(weights)}`)
    const { repo, commit } = model
    log.info('the weights are on the node', { endpoint, node: best.node, repo, commit, cache, bytes, fetchedBytes, sources })
    return weights
  })
}

/** Where the request named its node, the others are looked at only when they may have what it lacks. */
async function nodesBesides(looked: NodeInspection[]): Promise<NodeInspection[]> {
  const others = (await control.listNodes()).filter((nodeId) => !looked.some((each) => each.nodeId === nodeId))
  return (await lookAtNodes(others)).nodes
}

/** Nodes that have the model, and serve what they have. */
function peersWith(repo: string, node: string, nodes: NodeInspection[]): Peer[] {
  return peersOf(
    node,
    nodes.filter(({ cachedModels }) => cachedModels.includes(repo)),
  )
}

/** Starts the engine. The one that serves now ends first, because it holds the port, and comes back if this deploy fails. */
export function launch(
  { request, steps, undo, attempts }: Deploy,
  { fence, current }: Begun,
  best: Candidate,
  weights: Weights,
): Promise<EngineAttempt> {
  const { endpoint } = request
  return steps.run('launch', async (say) => {
    if (current !== null) {
      undo(() => control.resume({ endpoint }))
      await control.standDown({ endpoint })
      if (current.replica.nodeId !== best.node) await onNode(current.replica.nodeId).stopEndpoint({ endpoint, graceSeconds: GRACE_SECONDS })
    }
    const samePort = current?.replica.nodeId === best.node ? current.replica.spec.port : undefined
    const spec = engineSpec(best, endpoint, weights.path, request.port ?? samePort)
    const key = { namespace: workflowInfo().namespace, endpoint, replica: 0, fence, launch: 1 }
    undo(() => onNode(best.node).stopEngine({ key, graceSeconds: GRACE_SECONDS }))
    const attempt = new EngineAttempt({ key, spec, nodeId: best.node, recipe: best.recipe, weightBytes: best.weightBytes }, attempts)
    say(`${best.backend} on port ${await attempt.launch()}`)
    return attempt
  })
}

/** Ready means one completed inference through the address that clients will use. */
export function prove({ steps }: Deploy, attempt: EngineAttempt): Promise<ReadyEngine> {
  return steps.run('ready', async (say) => {
    const ready = await attempt.prove()
    say(`answered ${ready.proof.tokens} tokens in ${ready.proof.ms} ms`)
    return ready
  })
}

/** Keeps what the engine told of its memory, for the next plan. It serves either way: what cannot be kept is only logged. */
export async function learn(best: Candidate, nodes: NodeInspection[], { memory }: ReadyEngine): Promise<void> {
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

/** The same proof for an engine that serves already; nothing else is done then. */
export async function proveAgain({ request, steps }: Deploy, { nodeId, key, spec }: Replica): Promise<Proof> {
  steps.skip('warm', 'launch', 'hand over')
  const { text, tokens, ms } = await steps.run('ready', () => longOnNode(nodeId).proveReady({ key, spec }))
  await control.endOperation({ endpoint: request.endpoint })
  return { text, tokens, ms }
}

/** The endpoint's own workflow owns the engine from here: this deploy has nothing left to undo. Too late to cancel: it happens whole. */
export function handOver({ request, steps, undo }: Deploy, replica: Replica, revision: EndpointRevision): Promise<void> {
  return steps.run('hand over', async () => {
    await CancellationScope.nonCancellable(() => control.adoptReplica({ endpoint: request.endpoint, replica, revision }))
    undo.drop()
  })
}

/** The files that a candidate loads; the plan has found them already. */
function filesOf({ format, modelFile }: Candidate, files: ModelFile[]): ModelFile[] {
  const choice = chooseFiles(format, files, modelFile)
  if ('problem' in choice) throw failure('Internal', choice.problem, { reason: choice.problem })
  return files.filter((file) => choice.files.includes(file.path))
}
