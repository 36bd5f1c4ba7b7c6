import { isCancellation, log, type ApplicationFailure } from '@temporalio/workflow'
import type { ModelPin } from '../activities/node/machine.js'
import type { VerifySummary } from '../src/contracts/cache-flows.js'
import type { ModelFile } from '../src/contracts/model.js'
import { filesFromOutside, peersOf, seeders, sizeOf, spreadFiles, type Share } from '../src/domain/cache/spread.js'
import { addSources } from '../src/domain/cache/traffic.js'
import { bytes } from '../src/domain/units.js'
import { cacheOnNode, lookAtNode, sweepNode } from './activities.js'
import { atOnce } from './at-once.js'
import { failure } from './input.js'
import { rootMessage } from './steps.js'
import { nodeFailure } from './warm-failure.js'
import type { Site, Wanted, Warm, WarmNode } from './warm-site.js'

/** How often the share of a node that failed goes on to others. After that, whoever lacks a file fetches it itself. */
const MOST_MOVES = 3

/** Each file that nobody can be asked for comes from outside once, to one of the nodes; their shares are alike in bytes. */
export function seed({ steps, undo }: Warm, { model, files }: Wanted, site: Site): Promise<void> {
  undo(() => discardOn(site.nodes, model))
  return steps.run('seed', async (say) => {
    const outside = filesFromOutside(files, [...site.nodes, ...site.others])
    const able = site.nodes.length < 2 ? [] : seeders(outside, site.nodes)
    if (outside.length === 0) return say('the nodes have every file between them')
    if (able.length === 0) return say(site.nodes.length < 2 ? 'one node: it fetches all' : 'no node serves others: each fetches all')

    const lost = new Set<string>()
    const bring = async ({ nodeId, files: share }: Share<ModelFile>, moves: number): Promise<void> => {
      const node = site.nodes.find((each) => each.nodeId === nodeId)
      if (node === undefined) return
      try {
        await ensure(node, model, share, site)
      } catch (error) {
        if (isCancellation(error)) throw error
        lost.add(nodeId)
        // Nobody is sent to a machine that is gone.
        if (nodeFailure(nodeId, error).isSilent) Object.assign(node, { peerUrl: null, isSilent: true })
        log.warn('a node did not bring its share; others do', { node: nodeId, files: share.length, error: rootMessage(error) })
        if (moves === MOST_MOVES) return
        const left = able.filter((id) => !lost.has(id))
        await atOnce(spreadFiles(share, left), 0, (moved) => bring(moved, moves + 1))
      }
    }
    const shares = spreadFiles(outside, able)
    say(`${bytes(sizeOf(outside))} from outside, by ${shares.map(({ nodeId, bytes: size }) => `${nodeId} ${bytes(size)}`).join(', ')}`)
    await atOnce(shares, 0, (share) => bring(share, 0))
  })
}

/** Every node fetches what it lacks, from the others where they have it. */
export function spread({ steps }: Warm, { model, files }: Wanted, site: Site): Promise<void> {
  return steps.run('spread', async (say) => {
    let ended = 0
    await atOnce(site.nodes, files.length, async (node) => {
      await failing(node, async () => {
        if (node.isSilent) await lookAtNode(node.nodeId).inspectNode()
        await ensure(node, model, files, site)
      })
      ended += 1
      const failed = site.nodes.filter(({ error }) => error !== null).map(({ nodeId, error }) => `${nodeId}: ${error?.message}`)
      say([`${ended - failed.length} of ${site.nodes.length} nodes have it`, ...failed].join('; '))
    })
    const failed = site.nodes.filter(({ error }) => error !== null)
    // A flow that ends well runs no undo, and such a node is left as a failed deploy leaves it.
    if (failed.length < site.nodes.length) await discardOn(failed, model)
  })
}

export async function verify({ request, steps }: Warm, { model }: Wanted, { nodes }: Site): Promise<void> {
  if (!request.verify) return steps.skip('verify')
  await steps.run('verify', async (say) => {
    const whole = nodes.filter(({ error }) => error === null)
    await atOnce(whole, 0, async (node) => {
      await failing(node, async () => {
        const { bad, repaired, first } = await cacheOnNode(node.nodeId).verifyCache({
          repo: model.repo,
          commit: model.commit,
          repair: true,
        })
        if (bad > repaired) throw mismatch(first.find(({ state }) => state !== 'repaired'))
      })
    })
    say(`${whole.filter(({ error }) => error === null).length} of ${whole.length} nodes hold what the hub promised`)
  })
}

/** Bytes count where they arrived, whatever becomes of the node afterwards. */
async function ensure(node: WarmNode, model: ModelPin, files: ModelFile[], { nodes, others }: Site): Promise<void> {
  const peers = peersOf(node.nodeId, [...nodes, ...others])
  const { fetchedBytes, sources } = await cacheOnNode(node.nodeId).ensureWeights({ model, files, peers, endpoint: null })
  node.fetchedBytes += fetchedBytes
  node.sources = addSources(node.sources, sources)
}

/** A node that fails is told in the result; the others go on. */
async function failing(node: WarmNode, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (isCancellation(error)) throw error
    Object.assign(node, nodeFailure(node.nodeId, error))
    log.warn('a node was not warmed', { node: node.nodeId, ...node.error })
  }
}

/** Half-written files go; what was fetched whole stays. A node that does not answer resumes or drops them with its next download. */
async function discardOn(nodes: readonly WarmNode[], model: ModelPin): Promise<void> {
  await atOnce(nodes, 0, async ({ nodeId }) => {
    try {
      await sweepNode(nodeId).discardPartial({ model })
    } catch (error) {
      if (isCancellation(error)) throw error
      log.warn('half-written files may be left on a node', { node: nodeId, error: rootMessage(error) })
    }
  })
}

function mismatch(bad: VerifySummary['first'][number] | undefined): ApplicationFailure {
  const { path: file = 'a file', digest: expected = 'its digest', actual = 'another' } = bad ?? {}
  const message = `${file} is not what the hub promised: expected ${expected}, got ${actual}`
  return failure('DigestMismatch', message, { file, expected, actual })
}
