import { isCancellation, type ApplicationFailure } from '@temporalio/workflow'
import type { NodeView } from '../src/contracts/node-owner.js'
import { withStanding } from '../src/domain/node-standing.js'
import type { NodeInspection } from '../src/domain/node.js'
import { control, lookAtNode } from './activities.js'
import { failure } from './input.js'
import { rootMessage } from './steps.js'

export type Silent = { nodeId: string; why: string }
export type Looks = { nodes: NodeInspection[]; silent: Silent[] }

/**
 * Looks at these nodes at the same time, with what their owners keep from everybody but `endpoint`. One that does not answer is named with the
 * reason; one that is lost is not even waited for.
 */
export async function lookAtNodes(named: string[], endpoint: string | null = null): Promise<Looks> {
  const views = new Map((await control.nodeViews()).map((view) => [view.nodeId, view]))
  const lost = named.flatMap((nodeId) => lostSince(views.get(nodeId)) ?? [])
  const asked = named.filter((nodeId) => views.get(nodeId)?.presence !== 'lost')
  const looks = await Promise.allSettled(asked.map((nodeId) => lookAtNode(nodeId).inspectNode()))
  const cancelled = looks.find((look) => look.status === 'rejected' && isCancellation(look.reason))
  if (cancelled?.status === 'rejected') throw cancelled.reason
  const found = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))
  const nodes = found.map((node) => withStanding(node, views.get(node.nodeId), endpoint))
  const silent = looks.flatMap((look, index) =>
    look.status === 'rejected' ? [{ nodeId: asked[index] ?? '', why: rootMessage(look.reason) }] : [],
  )
  return { nodes, silent: [...silent, ...lost] }
}

function lostSince(view: NodeView | undefined): Silent | null {
  return view?.presence === 'lost' ? { nodeId: view.nodeId, why: `lost since ${view.since}` } : null
}

/**
 * Looks at every node that may be meant, for this endpoint. A node that does not answer is left out; none at all is an end.
 * @throws NoSuchNode for a name that no node ever registered, NoNode.
 */
export async function inspectNodes(wanted: string | undefined, endpoint: string | null): Promise<NodeInspection[]> {
  const known = await control.listNodes()
  if (wanted !== undefined && !known.includes(wanted)) throw failure('NoSuchNode', `node ${wanted} does not exist`, { node: wanted })
  const { nodes, silent } = await lookAtNodes(wanted === undefined ? known : known.filter((nodeId) => nodeId === wanted), endpoint)
  if (nodes.length === 0) throw noNode(silent, 'none is registered')
  return nodes
}

/** `otherwise` is the reason where nobody was even asked. */
export function noNode(silent: Silent[], otherwise: string): ApplicationFailure {
  const reasons = silent.length > 0 ? silent.map(({ nodeId, why }) => `${nodeId}: ${why}`).join('; ') : otherwise
  return failure('NoNode', `no node answers: ${reasons}`, { reasons })
}

/** The nodes that a request names, or all. @throws InvalidInput for a name that no node ever registered. */
export async function namedNodes(named: string[] | undefined): Promise<{ known: string[]; asked: string[] }> {
  const known = await control.listNodes()
  const unknown = named?.find((nodeId) => !known.includes(nodeId))
  if (unknown !== undefined) {
    const rule = `there is no node ${unknown}`
    throw failure('InvalidInput', `nodes: ${rule}`, { field: 'nodes', rule })
  }
  return { known, asked: [...new Set(named ?? known)] }
}
