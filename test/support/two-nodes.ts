import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { NODE_UPDATES } from '../../src/contracts/node-owner.js'
import { startCluster, type TestCluster } from './cluster.js'
import { uniqueName } from './fakes.js'
import { until, waitFor } from './wait-for.js'

export type Node = Awaited<ReturnType<TestCluster['addNode']>>
export type Places = { home: Node; other: Node }

export let cluster: TestCluster
/** Two that are alike. */
export let nodes: [Node, Node]
/** Each test has one of its own. */
export let endpoint: string

/** Nodes whose worker has left and is not back. */
const away: Node[] = []

/** A cluster for the tests of this file; after each of them both nodes are there, and nothing of its endpoint is. */
export function useTwoNodes(): void {
  beforeAll(async () => {
    cluster = await startCluster()
    // The first node takes no engine.
    await cluster.client.workflow.getHandle(`node/${cluster.nodeId}`).executeUpdate(NODE_UPDATES.cordon, {
      args: [{ reason: 'for the others', by: 'a test', drain: false }],
    })
    nodes = [await cluster.addNode(), await cluster.addNode()]
  }, 60_000)
  afterAll(() => cluster.stop())
  beforeEach(() => {
    endpoint = uniqueName('chat')
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    for (const { machine } of nodes) {
      Object.assign(machine, { startsAs: 'answers', refuses: null, looking: null })
      machine.hangs.clear()
    }
    for (const node of away.splice(0)) await node.join()
    for (const node of nodes) await uncordon(node)
    await (await cluster.aim.undeploy({ endpoint, force: true })).result()
  })
}

export async function leave(node: Node): Promise<void> {
  away.push(node)
  await node.leave()
}
export async function join(node: Node): Promise<void> {
  away.splice(away.indexOf(node), 1)
  await node.join()
}

export const view = async () => {
  const { view: known, problem } = await cluster.aim.endpoint(endpoint)
  if (known === null) throw new Error(problem ?? 'no answer')
  return known
}
export const deploy = async (change: object = {}) => (await cluster.aim.deploy({ endpoint, model: 'org/name', ...change })).result()
export const phase = (wanted: string) => waitFor(wanted, async () => (await view()).phase === wanted, 60_000)

/** Where it serves, and the other node. */
export async function places(): Promise<Places> {
  const { replica } = await view()
  const [home, other] = nodes[0].nodeId === replica?.nodeId ? nodes : nodes.toReversed()
  if (home === undefined || other === undefined) throw new Error('no node')
  return { home, other }
}

/** Until it serves on this node, with nothing left to do. */
export const servesOn = ({ nodeId }: Node) =>
  until(async () => {
    const { phase: now, replica, operation } = await view()
    return now === 'serving' && replica?.nodeId === nodeId && operation === null
  })

const askOwner = ({ nodeId }: Node, update: keyof typeof NODE_UPDATES, asked: object) =>
  cluster.client.workflow.getHandle(`node/${nodeId}`).executeUpdate(NODE_UPDATES[update], { args: [asked] })
export const drain = (node: Node) => askOwner(node, 'cordon', { reason: 'new memory', by: 'a test', drain: true })
export const uncordon = (node: Node) => askOwner(node, 'uncordon', {})

export const leasesOn = async ({ nodeId }: Node) => {
  const { leases } = await cluster.client.workflow
    .getHandle(`node/${nodeId}`)
    .query<{ leases: { endpoint: string; state: string }[] }>('node')
  return leases.filter((lease) => lease.endpoint === endpoint)
}
