import { isCancellation } from '@temporalio/workflow'
import type { ModelPin } from '../activities/node/machine.js'
import type { FlowError, WarmRequest, WarmStep } from '../src/contracts/cache-flows.js'
import type { ErrorDetails } from '../src/contracts/errors.js'
import type { ModelFile } from '../src/contracts/model.js'
import { sizeOf, type Holder } from '../src/domain/cache/spread.js'
import type { Sources } from '../src/domain/cache/traffic.js'
import { filesToWarm } from '../src/domain/cache/warm-files.js'
import { bytes } from '../src/domain/units.js'
import { control, lookAtNode } from './activities.js'
import { atOnce } from './at-once.js'
import { failure } from './input.js'
import { lookAtNodes, namedNodes, noNode, type Silent } from './look-at-nodes.js'
import type { Undo } from './saga.js'
import { rootMessage, type Steps } from './steps.js'
import { show } from './visibility.js'

/** What every step of one warm-up works on. */
export type Warm = { request: WarmRequest; steps: Steps<WarmStep>; undo: Undo }
/** The pinned model, and the files of it that are to lie on every node. */
export type Wanted = { model: ModelPin; files: ModelFile[] }
/** A node that the model is brought to, and how far it came. */
export type WarmNode = Holder & {
  fetchedBytes: number
  sources: Sources
  error: FlowError | null
  details: ErrorDetails
  isSilent: boolean
}
/** `others` answer and may hold files, but were not asked for; `silent` were asked for and do not answer. */
export type Site = { nodes: WarmNode[]; others: Holder[]; silent: Silent[] }

/** Lists of files that all activities of one flow may carry together: a history is limited to 50 MB. */
const MOST_ENTRIES = 50_000

export function admitWarm({ request, steps }: Warm): Promise<void> {
  return steps.run('validate', async () => {
    const { actor } = await control.admit({ kind: 'warm', endpoint: null, reason: request.reason, request })
    show({ AimActor: actor })
  })
}

export function pinFiles({ request, steps }: Warm): Promise<Wanted> {
  return steps.run('pin', async (say) => {
    const { files: all, ...model } = await control.pinModel({ model: request.model, ref: request.ref })
    const choice = filesToWarm(all, request)
    if ('problem' in choice) {
      const field = request.file !== undefined ? 'file' : request.format !== undefined ? 'format' : 'model'
      throw failure('InvalidInput', `${field}: ${choice.problem}`, { field, rule: choice.problem })
    }
    const files = all.filter(({ path }) => choice.files.includes(path))
    say(`${model.repo}@${model.commit}: ${files.length} files, ${bytes(sizeOf(files))}`)
    return { model, files }
  })
}

/** Which nodes are meant, and which of the files each node has, also one that is not meant: others can fetch from it. */
export function detectHolders({ request, steps }: Warm, { model, files }: Wanted): Promise<Site> {
  return steps.run('detect', async (say) => {
    const { known, asked } = await namedNodes(request.nodes)
    const { nodes: answering, silent } = await lookAtNodes(known)
    const wanted = Object.entries(request.labels ?? {})
    const meant = answering.filter(
      ({ nodeId, labels }) => asked.includes(nodeId) && wanted.every(([name, value]) => labels[name] === value),
    )
    const unheard = silent.filter(({ nodeId }) => asked.includes(nodeId))
    if (meant.length === 0) throw noNode(unheard, request.labels === undefined ? 'none is registered' : 'none carries these labels')
    requireFewEntries(files.length, answering.length)

    const site: Site = { nodes: [], others: [], silent: unheard }
    const looks = answering.filter(({ nodeId, peerUrl }) => peerUrl !== null || meant.some((node) => node.nodeId === nodeId))
    await atOnce(looks, files.length, async ({ nodeId, peerUrl, cacheDisk }) => {
      const isMeant = meant.some((node) => node.nodeId === nodeId)
      try {
        const missing = new Set(await lookAtNode(nodeId).missingFiles({ model, files }))
        const holder = { nodeId, peerUrl, missing, freeBytes: cacheDisk.freeBytes }
        if (isMeant) site.nodes.push({ ...holder, fetchedBytes: 0, sources: {}, error: null, details: {}, isSilent: false })
        else if (missing.size < files.length) site.others.push(holder)
      } catch (error) {
        if (isCancellation(error)) throw error
        if (isMeant) site.silent.push({ nodeId, why: rootMessage(error) })
      }
    })
    if (site.nodes.length === 0) throw noNode(site.silent, 'none is registered')
    site.nodes.sort(byName)
    site.others.sort(byName)
    const [only] = site.nodes
    if (only !== undefined && site.nodes.length === 1) show({ AimNode: only.nodeId })
    const whole = site.nodes.filter(({ missing }) => missing.size === 0).length
    say([`${whole} of ${site.nodes.length} nodes have it`, ...site.silent.map(({ nodeId }) => `${nodeId} does not answer`)].join('; '))
    return site
  })
}

function requireFewEntries(files: number, nodes: number): void {
  if (files * nodes <= MOST_ENTRIES) return
  const rule = `must be fewer: ${files} files on ${nodes} nodes are more than ${MOST_ENTRIES} in one flow; name some of the nodes`
  throw failure('InvalidInput', `nodes: ${rule}`, { field: 'nodes', rule })
}

const byName = (a: Holder, b: Holder): number => (a.nodeId < b.nodeId ? -1 : 1)
