import { CancellationScope, log, workflowInfo } from '@temporalio/workflow'
import type { FallbackRequest, FallbackResult } from '../src/contracts/fallback.js'
import type { ModelFile, PinnedModel, Weights } from '../src/contracts/model.js'
import { peersOf } from '../src/domain/cache/spread.js'
import { trafficText } from '../src/domain/cache/traffic.js'
import { GRACE_SECONDS, type EngineKey, type EngineSpec } from '../src/domain/engine.js'
import { quarantines, type Try, type Tried } from '../src/domain/fallback/next-move.js'
import type { Quarantine } from '../src/domain/lease.js'
import { engineSpec } from '../src/domain/placement.js'
import type { Candidate } from '../src/domain/plan.js'
import { chooseFiles } from '../src/domain/weight-files.js'
import { control, longOnNode, onNode } from './activities.js'
import type { CurrentEngine } from './current-engine.js'
import { EngineAttempt } from './engine-attempt.js'
import type { FallbackTeller } from './fallback-news.js'
import { failure } from './input.js'
import type { NodeWatch } from './node-watch.js'
import { rootFailure, whyItFailed } from './record.js'
import { throwIfCancelled, withUndo, type Undo } from './saga.js'
import { rootMessage } from './steps.js'
import { keepStuckAway } from './stuck-gpus.js'

/** What every try of one fallback works on. */
export type Walk = {
  request: FallbackRequest
  teller: FallbackTeller
  nodes: NodeWatch
  current: CurrentEngine
  /** Failed tries; the one at hand is added when it fails. */
  tried: Tried[]
}
/** So often a start fails for the port that the endpoint had before it takes another one. */
const MOST_WAITS_FOR_PORT = 2
export type Ready = NonNullable<FallbackResult['ready']>

/** One try, from the lease to the answer that proves it. A failure undoes every step; on a lost node nothing is waited for. */
export function tryCandidate(walk: Walk, { candidate, gaveUp }: Try): Promise<Ready> {
  return withUndo(async (undo) => {
    const { node, backend } = candidate
    const { endpoint, holder } = walk.request
    walk.teller.steps({ step: 'warm', state: 'running', detail: `${backend} on ${node}` })
    undo(() => control.giveBackLeases({ nodeId: node, endpoint, owner: holder }))
    const attempt = new EngineAttempt(candidate, await lease(walk, candidate), numberOf(walk))
    try {
      const { weights, model } = await warm(walk, candidate, undo)
      const spec = await launch(walk, { candidate, attempt, weights, undo })
      const { replica, proof, memory } = await walk.nodes.unlessLeft(node, () => attempt.prove(spec))
      throwIfCancelled()
      const { repo, commit } = model
      return { candidate, model: { repo, commit }, replica, weights, proof, memory, gaveUp, attempt: attempt.record }
    } catch (error) {
      attempt.failed(error)
      walk.teller.tell({ attempt: attempt.record })
      await quarantine(walk, candidate, error)
      throw error
    }
  })
}

const numberOf = ({ tried }: Walk): number => tried.filter(({ failure: why }) => why !== 'LeaseRefused').length + 1
const done = (step: 'warm' | 'launch', detail: string) => ({ step, state: 'done', detail }) as const

/** The claim on the GPUs, and the key of the engine that is started under it. */
async function lease({ request: { endpoint, replica, holder } }: Walk, { node, gpus }: Candidate): Promise<EngineKey> {
  const answer = await control.leaseGpus({ nodeId: node, endpoint, replica, gpus, owner: holder })
  if (answer.outcome === 'refused') {
    throw failure('LeaseRefused', `${node} refuses ${endpoint}: ${answer.why}`, { node, endpoint, why: answer.why })
  }
  return { namespace: workflowInfo().namespace, endpoint, replica, fence: answer.fence, launch: 1 }
}

/** Brings the weights to the node. What fails leaves nothing half-written there. */
async function warm(
  { request, nodes, teller }: Walk,
  candidate: Candidate,
  undo: Undo,
): Promise<{ weights: Weights; model: Omit<PinnedModel, 'files'> }> {
  const { node } = candidate
  const { endpoint, holders } = request
  const { files, ...model } = await pinned(request, candidate)
  undo(() => unlessGone(nodes, node, () => onNode(node).discardPartial({ model })))
  const peers = peersOf(
    node,
    holders.filter(({ cachedModels }) => cachedModels.includes(model.repo)),
  )
  const wanted = { model, files: filesOf(candidate, files), peers, endpoint }
  const weights = await nodes.unlessLeft(node, () => longOnNode(node).ensureWeights(wanted))
  const { cache, bytes, fetchedBytes, sources } = weights
  teller.steps(done('warm', `cache ${trafficText(weights)}`), { step: 'launch', state: 'running' })
  const { repo, commit } = model
  log.info('the weights are on the node', { endpoint, node, repo, commit, cache, bytes, fetchedBytes, sources })
  return { weights, model }
}

function pinned({ model, named }: FallbackRequest, candidate: Candidate): Promise<PinnedModel> | PinnedModel {
  if (candidate.model === model.repo) return model
  return control.pinModel({ model: candidate.model, ref: candidate.model === named.repo ? named.commit : 'main' })
}

/** The files that a candidate loads; the plan has found them already. */
function filesOf({ format, modelFile }: Candidate, files: ModelFile[]): ModelFile[] {
  const choice = chooseFiles(format, files, modelFile)
  if ('problem' in choice) throw failure('Internal', choice.problem, { reason: choice.problem })
  return files.filter((file) => choice.files.includes(file.path))
}

type Start = { candidate: Candidate; attempt: EngineAttempt; weights: Weights; undo: Undo }

/** Starts the engine. One that serves on the same node ends first, because it holds the port and maybe the GPUs. */
async function launch(walk: Walk, { candidate, attempt, weights, undo }: Start): Promise<EngineSpec> {
  const { request, nodes, teller, current } = walk
  const { node, backend } = candidate
  const { endpoint, port = portAtHome(walk, node) } = request
  // What served until now may have taken a newer lease meanwhile, to come back.
  if (await current.makeWay(node)) attempt.renew(await lease(walk, candidate))
  const spec = engineSpec(candidate, endpoint, weights.path, port)
  undo(() =>
    unlessGone(nodes, node, async () =>
      keepStuckAway(node, await onNode(node).stopEngine({ key: attempt.key, graceSeconds: GRACE_SECONDS })),
    ),
  )
  await nodes.unlessLeft(node, () => attempt.launch(spec))
  teller.steps(done('launch', spec.port === undefined ? backend : `${backend} on port ${spec.port}`), { step: 'ready', state: 'running' })
  return spec
}

/** The port that clients know is kept, unless something there holds it for good: an engine that nothing ends may. */
function portAtHome({ request: { home }, tried }: Walk, node: string): number | undefined {
  const taken = tried.filter(({ candidate, failure: why }) => candidate.node === node && why === 'PortTaken')
  return home?.nodeId === node && taken.length < MOST_WAITS_FOR_PORT ? home.port : undefined
}

/** A lost node stops what has no lease any more when it comes back. */
async function unlessGone(nodes: NodeWatch, node: string, work: () => Promise<unknown>): Promise<void> {
  if (!nodes.isLost(node)) await nodes.unlessLost(node, work)
}

/** Before the lease is given back, so that nobody gets it in between. Which of several GPUs is at fault nobody knows: then they are only avoided. */
async function quarantine({ tried }: Walk, candidate: Candidate, error: unknown): Promise<void> {
  const { failure: why } = whyItFailed(error)
  const one = { candidate, failure: why }
  if (!quarantines({ tried: [...tried, one] }, one)) return
  const { gpu: named, needed } = rootFailure(error).details
  const [gpu] = typeof named === 'number' ? [named] : candidate.gpus
  if (gpu === undefined || (typeof named !== 'number' && candidate.gpus.length > 1)) return
  const proof = typeof needed === 'number' ? { freeBytes: needed } : {}
  await CancellationScope.nonCancellable(() => keepAway(candidate.node, { gpu, reason: `${why}: ${rootMessage(error)}`, ...proof }))
}

async function keepAway(nodeId: string, { reason, ...what }: Pick<Quarantine, 'gpu' | 'reason' | 'freeBytes'>): Promise<void> {
  try {
    await control.quarantineGpu({ nodeId, ...what, reason: reason.slice(0, 500) })
  } catch (error) {
    log.error('a GPU that should be quarantined is not', { node: nodeId, gpu: what.gpu, error: rootMessage(error) })
  }
}
