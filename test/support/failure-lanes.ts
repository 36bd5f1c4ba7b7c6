import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import type { DeployInput } from '../../src/contracts/deploy.js'
import { NODE_QUERY, NODE_UPDATES, type NodeView } from '../../src/contracts/node-owner.js'
import type { DeploymentHistory } from '../../src/contracts/records.js'
import { isOfKind, type Kind } from '../../src/domain/fallback/kinds.js'
import { policyOf } from '../../src/domain/fallback/policies.js'
import type { Plan } from '../../src/domain/plan.js'
import { hubOf } from '../../src/worker/local-hub.js'
import { loadSettings } from '../../src/config/load.js'
import { startCluster } from './cluster.js'
import { MODELS, RECIPES, WEIGHT_BYTES } from './failing-models.js'
import { fakeRecipes, uniqueName } from './fakes.js'
import { CARD } from './gpu-model.js'
import { startMisbehavingHub } from './misbehaving-hub.js'
import { writeSampleModel } from './sample-model.js'
import { temporalAddress } from './temporal-address.js'
import { startVirtualNodes, type VirtualNode } from './virtual-nodes.js'
import { waitFor } from './wait-for.js'

/** Two nodes that one test has for itself. `plans`: what a deploy planned there, in order. */
export type Lane = { name: string; nodes: [VirtualNode, VirtualNode] }
/** Does harm between a plan and what comes of it. `nth` counts the plans of the deploy from 1. */
export type Harm = (plan: Plan, nth: number) => unknown
/** What was tried: the failure, and in which way it got around the one before. */
export type Step = { failure: string | null; kind: Kind | 'the same again' | 'first' }

/** So that each failure takes seconds. */
const PATIENCE = { AIM_NODE_GRACE_SECONDS: '1', AIM_STALL_SECONDS: '3', AIM_VRAM_WAIT_SECONDS: '1', AIM_SOURCES: 'hub' }

export type Later = (undo: () => void) => void

/** Pairs of virtual nodes, each for one test at a time: real Temporal, real launcher, the test engine's processes. */
export async function startLanes(dir: string, count: number) {
  mkdirSync(join(dir, 'models'), { recursive: true })
  for (const [repo, bytes] of Object.entries(WEIGHT_BYTES)) await writeSampleModel(join(dir, 'models'), repo, bytes)
  const hub = await startMisbehavingHub(join(dir, 'models'))
  const cluster = await startCluster()
  Object.assign(cluster.hub, hubOf(loadSettings({ AIM_HOME: dir, HF_ENDPOINT: hub.url }).settings))
  vi.spyOn(fakeRecipes, 'hardware').mockImplementation(async () => [CARD])
  vi.spyOn(fakeRecipes, 'models').mockImplementation(async () => MODELS)
  vi.spyOn(fakeRecipes, 'all').mockImplementation(async () => RECIPES)

  const plans = new Map<string, Plan[]>()
  const harms = new Map<string, Harm>()
  const { savePlan } = cluster.records
  vi.spyOn(cluster.records, 'savePlan').mockImplementation(async (run, plan) => {
    await savePlan.call(cluster.records, run, plan)
    const { endpoint } = cluster.records.all.get(run.runId) ?? {}
    if (typeof endpoint !== 'string' || plan === null) return
    const known = [...(plans.get(endpoint) ?? []), plan]
    plans.set(endpoint, known)
    await harms.get(endpoint)?.(plan, known.length)
  })

  const env = { ...PATIENCE, HF_ENDPOINT: hub.url }
  const fleet = await startVirtualNodes({
    dir,
    address: temporalAddress(),
    namespace: cluster.namespace,
    count: 2 * count,
    sglang: true,
    env,
  })
  const { engine } = fleet
  const handle = (nodeId: string) => cluster.client.workflow.getHandle(`node/${nodeId}`)
  const viewOf = (nodeId: string) => handle(nodeId).query<NodeView>(NODE_QUERY)
  const clear = (nodeId: string, gpu: number) => handle(nodeId).executeUpdate(NODE_UPDATES.clear, { args: [{ gpu }] })
  const undeploy = async (endpoint: string) => (await cluster.aim.undeploy({ endpoint })).result()
  const lanes: Lane[] = []
  for (let lane = 0; lane < count; lane++) {
    const nodes = fleet.nodes.slice(2 * lane, 2 * lane + 2) as Lane['nodes']
    for (const { nodeId } of nodes)
      await handle(nodeId).executeUpdate(NODE_UPDATES.label, { args: [{ set: { lane: `${lane}` }, remove: [] }] })
    lanes.push({ name: `${lane}`, nodes })
  }
  const free = [...lanes]
  const waiting: ((lane: Lane) => void)[] = []
  /** First come, first served. */
  const take = async (): Promise<Lane> => free.shift() ?? new Promise((resolve) => waiting.push(resolve))
  const giveBack = (lane: Lane): void => {
    const next = waiting.shift()
    if (next === undefined) free.push(lane)
    else next(lane)
  }

  /** What is quarantined in the lane, as `place/gpu`: place 0 is its first node. */
  const quarantinedIn = async ({ nodes }: Lane): Promise<string[]> => {
    const views = await Promise.all(nodes.map(({ nodeId }) => viewOf(nodeId)))
    return views.flatMap(({ quarantined }, place) => quarantined.map(({ gpu }) => `${place}/${gpu}`)).toSorted()
  }

  /** No engine runs, nothing is leased; what is quarantined is what was said. */
  const expectNothing = async (lane: Lane, endpoint: string, quarantined: string[]): Promise<void> => {
    await waitFor(`the leases of ${endpoint} to go`, async () => {
      const views = await Promise.all(lane.nodes.map(({ nodeId }) => viewOf(nodeId)))
      return views.every(({ leases }) => leases.every((lease) => lease.endpoint !== endpoint))
    })
    for (const { launcher } of lane.nodes) {
      const left = (await launcher.list()).filter(({ key, state }) => key.endpoint === endpoint && state.phase === 'running')
      expect(left).toEqual([])
      const owned = (await launcher.processes(cluster.namespace)).filter(({ live }) => live)
      expect(owned).toEqual([])
    }
    expect(await quarantinedIn(lane)).toEqual(quarantined.toSorted())
  }

  /** The tries of a deploy, each with the kind of move that led to it. */
  const stepsOf = ({ attempts }: DeploymentHistory, endpoint: string): Step[] => {
    const placed = attempts.map(({ recipe, node, env: said, argv }) => {
      const all = (plans.get(endpoint) ?? []).flatMap(({ candidates, fallback }) => [...candidates, ...fallback])
      const found = all.find((one) => one.recipe === recipe && one.node === node)
      if (found === undefined) throw new Error(`no plan of ${endpoint} has ${recipe} on ${node}`)
      const { HIP_VISIBLE_DEVICES: gpus } = said
      const context = argv[argv.indexOf('--max-model-len') + 1]
      return {
        ...found,
        ...(gpus !== undefined && { gpus: gpus.split(',').map(Number) }),
        ...(argv.includes('--max-model-len') && { context: Number(context) }),
      }
    })
    return attempts.map(({ failure }, index) => {
      const [before, now] = [placed[index - 1], placed[index]]
      if (before === undefined || now === undefined) return { failure, kind: 'first' }
      const { next, shorten } = policyOf(attempts[index - 1]?.failure ?? 'unknown')
      const same = before.recipe === now.recipe && before.node === now.node && before.gpus.join() === now.gpus.join()
      if (same && now.context === before.context) return { failure, kind: 'the same again' }
      const kinds: Kind[] = shorten === true ? ['shorter context', ...next] : [...next]
      const kind = kinds.find((one) => isOfKind(one, before, now))
      if (kind === undefined) throw new Error(`${now.recipe} on ${now.node} gets around nothing of ${before.recipe} on ${before.node}`)
      return { failure, kind }
    })
  }

  return {
    cluster,
    engine,
    hub,
    viewOf,
    handle,
    /** Runs a test with a lane of its own and an endpoint, and leaves nothing of it. `later`: what is done when all was seen. */
    async inLane(body: (lane: Lane, endpoint: string, later: Later) => Promise<{ quarantined: string[] }>): Promise<void> {
      const lane = await take()
      const endpoint = uniqueName('chat')
      const undo: (() => void)[] = []
      try {
        const { quarantined } = await body(lane, endpoint, (work) => void undo.push(work))
        await undeploy(endpoint)
        await expectNothing(lane, endpoint, quarantined)
      } finally {
        // A test that failed spoils no other.
        for (const work of undo) work()
        await undeploy(endpoint)
        for (const { nodeId } of lane.nodes) for (const { gpu } of (await viewOf(nodeId)).quarantined) await clear(nodeId, gpu)
        giveBack(lane)
      }
    },
    /** Deploys in a lane and answers how that ended, and by which tries. */
    async deploy(lane: Lane, endpoint: string, { harm, ...request }: Partial<DeployInput> & { harm?: Harm | undefined } = {}) {
      if (harm !== undefined) harms.set(endpoint, harm)
      const flow = await cluster.aim.deploy({
        endpoint,
        model: 'any/bf16',
        labels: { lane: lane.name },
        fallback: { mode: 'any' },
        ...request,
      })
      const [outcome, error] = await flow.result().then(
        (result) => [result, null] as const,
        (failed: unknown) => [null, failed as { code: string; message: string; details: Record<string, unknown> }] as const,
      )
      const [record] = await cluster.records.history(endpoint)
      if (record === undefined) throw new Error(`no record of ${endpoint}`)
      return { result: outcome, error, steps: stepsOf(record, endpoint), attempts: record.attempts }
    },
    expectNothing,
    async stop() {
      await fleet.stop()
      await cluster.stop()
      await hub.close()
    },
  }
}
export type Lanes = Awaited<ReturnType<typeof startLanes>>
