import { writeFileSync } from 'node:fs'
import type { Client } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { until } from '../support/wait-for.js'
import { createNodeOwners } from '../../src/adapters/temporal/node-owners.js'
import { BIND_SIGNAL } from '../../src/contracts/node-owner.js'
import { aGpu } from '../support/gpus.js'
import { diskFull, shardedModel } from '../support/fake-caches.js'
import { startCluster, type TestCluster } from '../support/cluster.js'

/**
 * Records the histories that CI replays: `npm run record-histories`. Run it when a flow was changed on purpose and every run in the
 * field may be dropped; else keep the old ones and guard the change with `patched`.
 */
describe('recording', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  test('deploy, replace, fail, restart, undeploy', async () => {
    const { aim, client, machine } = cluster
    const endpoint = 'recorded'
    const deploy = async (change: object = {}) => (await aim.deploy({ endpoint, model: 'org/name', ...change })).result()
    const keep = (name: string, workflowId: string) => save(client, name, workflowId)

    const planned = await aim.deploy({ endpoint, model: 'org/name', dryRun: true })
    expect(await planned.result()).toMatchObject({ outcome: 'planned' })
    await keep('deployModel.planned', planned.workflowId)
    expect(await deploy()).toMatchObject({ outcome: 'deployed' })
    await keep('deployModel.deployed', `deploy/${endpoint}`)
    await keep('recipeFallback.ready', `deploy/${endpoint}/fallback/1`)
    expect(await deploy()).toMatchObject({ outcome: 'unchanged' })
    await keep('deployModel.unchanged', `deploy/${endpoint}`)
    machine.kill(endpoint)
    await until(async () => (await aim.endpoint(endpoint)).view?.restarts === 1)
    await deploy({ context: 4096 })
    await keep('deployModel.replaced', `deploy/${endpoint}`)
    machine.startsAs = 'exits'
    await expect(deploy({ context: 8192 })).rejects.toMatchObject({ code: 'EngineExited' })
    machine.startsAs = 'answers'
    await keep('deployModel.failed', `deploy/${endpoint}`)
    await keep('recipeFallback.failed', `deploy/${endpoint}/fallback/1`)
    await until(async () => (await aim.endpoint(endpoint)).view?.phase === 'serving')
    expect(await (await aim.checkHealth({ endpoint })).result()).toMatchObject({ outcome: 'well' })
    await keep('healthCheck.well', `health/${endpoint}`)
    await keep('superviseEndpoint.serving', `endpoint/${endpoint}`)
    await (await aim.undeploy({ endpoint })).result()
    await keep('undeployModel.stopped', `undeploy/${endpoint}`)
    await until(async () => (await client.workflow.getHandle(`endpoint/${endpoint}`).describe()).status.name === 'COMPLETED')
    await keep('superviseEndpoint.retired', `endpoint/${endpoint}`)
    await (await aim.undeploy({ endpoint })).result()
    await keep('undeployModel.absent', `undeploy/${endpoint}`)
    await keep('manageNode.registered', `node/${cluster.nodeId}`)
  }, 120_000)

  test('warm, with a node that fails, in vain, and refresh', async () => {
    const { aim, client } = cluster
    const keep = (name: string, workflowId: string) => save(client, name, workflowId)
    const [first, second] = await shardedNodes(cluster)
    const nodes = [first.nodeId, second.nodeId]
    first.weights.ensuring = () => Promise.reject(diskFull())
    expect(await (await aim.warm({ model: 'org/shards', nodes })).result()).toMatchObject({ outcome: 'partly warmed' })
    await keep('warmCache.moved', 'warm/org/shards@main')
    first.weights.ensuring = null
    expect(await (await aim.warm({ model: 'org/shards', nodes, verify: true })).result()).toMatchObject({ outcome: 'warmed' })
    await keep('warmCache.warmed', 'warm/org/shards@main')
    first.weights.ensuring = () => Promise.reject(diskFull())
    await expect((await aim.warm({ model: 'org/shards', nodes: [first.nodeId] })).result()).rejects.toMatchObject({ code: 'DiskFull' })
    await keep('warmCache.failed', 'warm/org/shards@main')
    first.weights.ensuring = null
    first.cache.follows('org/shards', 'main', 'c'.repeat(40), ['config.json', 'model-0.safetensors'])
    const refreshed = await aim.refresh({ nodes, prewarm: [{ model: 'org/next', nodes }] })
    expect(await refreshed.result()).toMatchObject({ outcome: 'refreshed', followed: [{ outcome: 'warmed' }] })
    await keep('refreshCache.refreshed', refreshed.workflowId)
  }, 120_000)

  test('a node with leases that is cordoned, leaves, and is lost', async () => {
    const { aim, client } = cluster
    const gpus = [0, 1].map((index) => aGpu({ index, card: index }))
    const { nodeId, leave } = await cluster.addNode({ gpus })
    const owners = createNodeOwners(client)
    const caller = { workflowId: 'deploy/recorded', runId: 'r', requestId: 'recorded' }
    const run = await client.workflow.start('nobody', { workflowId: 'deploy/leased', taskQueue: 'nobody' })
    const owner = { workflowId: run.workflowId, runId: run.firstExecutionRunId }
    const claim = { endpoint: 'leased', replica: 0, gpus: [0], owner }
    const answer = await owners.lease(nodeId, claim, caller)
    const second = await owners.lease(nodeId, { ...claim, endpoint: 'reserved', gpus: [1] }, { ...caller, requestId: 'second' })
    expect([answer.outcome, second.outcome]).toEqual(['granted', 'granted'])
    const fence = answer.outcome === 'granted' ? answer.fence : 0
    await client.workflow.getHandle(`node/${nodeId}`).signal(BIND_SIGNAL, { endpoint: 'leased', replica: 0, fence })
    await run.terminate('by a test')
    await until(async () => (await aim.node(nodeId)).leases.length === 1)
    await aim.cordonNode(nodeId, { reason: 'recorded', drain: true })
    await aim.quarantineGpu(nodeId, 1, 'recorded')
    await leave()
    await until(async () => (await aim.node(nodeId)).presence === 'lost')
    await save(client, 'manageNode.lost', `node/${nodeId}`)
  }, 120_000)
})

async function shardedNodes(cluster: TestCluster) {
  vi.spyOn(cluster.hub, 'pin').mockImplementation(async (repo, ref) => shardedModel(repo, ref, [300, 200, 100]))
  return [await cluster.addNode({ nodeId: 'gpu-1' }), await cluster.addNode({ nodeId: 'gpu-2' })] as const
}

async function save(client: Client, name: string, workflowId: string): Promise<void> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory()
  // Stack traces hold paths of the machine that recorded, and nothing that a replay looks at.
  const text = JSON.stringify(JSON.parse(historyToJSON(history)), (field, value: unknown) => (field === 'stackTrace' ? '' : value))
  writeFileSync(new URL(`histories/${name}.json`, import.meta.url), `${text}\n`)
}
