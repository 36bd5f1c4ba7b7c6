import { isCancellation, log } from '@temporalio/workflow'
import type { PruneSummary, Refreshed, RefreshRequest, RefreshStep, VerifySummary } from '../src/contracts/cache-flows.js'
import { keyOf, type FollowedBranch } from '../src/domain/cache/followed.js'
import { bytes } from '../src/domain/units.js'
import { cacheOnNode, control, lookAtNode } from './activities.js'
import { atOnce, inTurns } from './at-once.js'
import { namedNodes, noNode, type Silent } from './look-at-nodes.js'
import { rootFailure } from './record.js'
import { rootMessage, type Steps } from './steps.js'
import { show } from './visibility.js'
import { nodeFailure, type NodeFailure } from './warm-failure.js'

/** What every step of one refresh works on. */
export type Refresh = { request: RefreshRequest; steps: Steps<RefreshStep> }
/** A node's cache: what it follows, and what was done to it. */
export type Cache = {
  nodeId: string
  branches: FollowedBranch[]
  pruned: PruneSummary | null
  verified: VerifySummary | null
  failure: NodeFailure | null
}
export type Caches = { nodes: Cache[]; silent: Silent[] }
/** A branch that points to another commit than on these nodes. */
export type Moved = FollowedBranch & { nodes: string[] }

/** A hub counts requests: so many branches are asked for at a time, and so many at all. */
const AT_A_TIME = 4
const MOST_BRANCHES = 2_000

export function admitRefresh({ request, steps }: Refresh): Promise<void> {
  return steps.run('validate', async () => {
    const { actor } = await control.admit({ kind: 'refresh', endpoint: null, reason: request.reason, request })
    show({ AimActor: actor })
  })
}

export function lookAtCaches({ request, steps }: Refresh): Promise<Caches> {
  return steps.run('look', async (say) => {
    const { asked } = await namedNodes(request.nodes)
    const caches: Caches = { nodes: [], silent: [] }
    await atOnce(asked, 0, async (nodeId) => {
      try {
        const { branches, more } = await lookAtNode(nodeId).followedBranches()
        if (more > 0) log.warn('a cache names more branches than one refresh looks after', { node: nodeId, more })
        caches.nodes.push({ nodeId, branches, pruned: null, verified: null, failure: null })
      } catch (error) {
        if (isCancellation(error)) throw error
        caches.silent.push({ nodeId, why: rootMessage(error) })
      }
    })
    if (caches.nodes.length === 0) throw noNode(caches.silent, 'none is registered')
    caches.nodes.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
    const unheard = caches.silent.map(({ nodeId }) => `${nodeId} does not answer`)
    say([`${caches.nodes.length} nodes`, ...unheard].join('; '))
    return caches
  })
}

/** Where the followed branches point now. One that cannot be told is a failure of its own. */
export function resolve(
  { request, steps }: Refresh,
  { nodes }: Caches,
): Promise<{ moved: Moved[]; unchanged: number; failed: Refreshed[] }> {
  return steps.run('resolve', async (say) => {
    const isMeant = ({ model, ref }: FollowedBranch) =>
      request.follow === undefined || request.follow.some((each) => each.model === model && each.ref === ref)
    const followed = nodes.flatMap(({ nodeId, branches }) => branches.filter(isMeant).map((branch) => ({ ...branch, nodeId })))
    const all = [...new Map(followed.map(({ model, ref }) => [`${model}@${ref}`, { model, ref }])).values()]
    const refs = all.slice(0, MOST_BRANCHES)
    if (all.length > refs.length) log.warn('the caches name more branches than one refresh looks after', { more: all.length - refs.length })

    const moved = new Map<string, Moved>()
    // A name with a slip of the pen would else be followed by nobody, for ever.
    const failed = (request.follow ?? [])
      .filter(({ model, ref }) => !followed.some((each) => each.model === model && each.ref === ref))
      .map(unknown)
    let unchanged = 0
    await inTurns(refs, AT_A_TIME, async ({ model, ref }) => {
      const here = followed.filter((each) => each.model === model && each.ref === ref)
      try {
        const commit = await control.resolveRef({ model, ref })
        const behind = here.filter((each) => each.commit !== commit)
        if (behind.length === 0) unchanged += 1
        for (const { nodeId, ...branch } of behind) {
          const known = moved.get(keyOf(branch))
          if (known === undefined) moved.set(keyOf(branch), { ...branch, commit, nodes: [nodeId] })
          else known.nodes.push(nodeId)
        }
      } catch (error) {
        if (isCancellation(error)) throw error
        const { type: code, message } = rootFailure(error)
        const nodeIds = [...new Set(here.map(({ nodeId }) => nodeId))]
        failed.push({ model, ref, file: null, commit: null, outcome: 'failed', nodes: nodeIds, workflowId: null, error: { code, message } })
      }
    })
    say([`${moved.size} moved, ${unchanged} unchanged`, ...failed.map(({ model, error }) => `${model}: ${error?.message}`)].join('; '))
    const inOrder = [...moved.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    return { moved: inOrder, unchanged, failed: failed.toSorted((a, b) => (a.model < b.model ? -1 : 1)) }
  })
}

function unknown({ model, ref }: { model: string; ref: string }): Refreshed {
  const error = { code: 'NotFound', message: `no cache of these nodes follows ${model}@${ref}` }
  return { model, ref, file: null, commit: null, outcome: 'failed', nodes: [], workflowId: null, error }
}

export async function prune({ request, steps }: Refresh, caches: Caches): Promise<void> {
  if (!request.evict) return steps.skip('prune')
  const { policy } = request
  await steps.run('prune', async (say) => {
    await onEach(caches, async (cache) => (cache.pruned = await cacheOnNode(cache.nodeId).pruneCache({ policy })))
    say(`${bytes(sum(caches.nodes.map(({ pruned }) => pruned?.freedBytes ?? 0)))} freed`)
  })
}

/** What was proved longest ago is read again; what is wrong is fetched again. */
export async function verifySample({ request, steps }: Refresh, caches: Caches): Promise<void> {
  const { verifySampleBytes: sampleBytes } = request
  if (sampleBytes === 0) return steps.skip('verify')
  await steps.run('verify', async (say) => {
    await onEach(caches, async (cache) => (cache.verified = await cacheOnNode(cache.nodeId).verifyCache({ sampleBytes, repair: true })))
    const [checked, bad, repaired] = (['checkedBytes', 'bad', 'repaired'] as const).map((field) =>
      sum(caches.nodes.map(({ verified }) => verified?.[field] ?? 0)),
    )
    say(`${bytes(checked ?? 0)} proved, ${bad} bad, ${repaired} of them repaired`)
  })
}

/** Every node that has not failed yet, all at the same time. */
async function onEach({ nodes }: Caches, work: (cache: Cache) => Promise<unknown>): Promise<void> {
  await atOnce(
    nodes.filter(({ failure }) => failure === null),
    0,
    async (cache) => {
      try {
        await work(cache)
      } catch (error) {
        if (isCancellation(error)) throw error
        cache.failure = nodeFailure(cache.nodeId, error)
        log.warn('the cache of a node was not looked after', { node: cache.nodeId, ...cache.failure.error })
      }
    },
  )
}

const sum = (numbers: number[]): number => numbers.reduce((all, each) => all + each, 0)
