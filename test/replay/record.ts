import { writeFileSync } from 'node:fs'
import type { Client } from '@temporalio/client'
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/wait-for.js'
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
    await until(async () => (await aim.endpoint(endpoint)).view?.phase === 'serving')
    await keep('superviseEndpoint.serving', `endpoint/${endpoint}`)
    await (await aim.undeploy({ endpoint })).result()
    await keep('undeployModel.stopped', `undeploy/${endpoint}`)
    await until(async () => (await client.workflow.getHandle(`endpoint/${endpoint}`).describe()).status.name === 'COMPLETED')
    await keep('superviseEndpoint.retired', `endpoint/${endpoint}`)
    await (await aim.undeploy({ endpoint })).result()
    await keep('undeployModel.absent', `undeploy/${endpoint}`)
    await keep('manageNode.registered', `node/${cluster.nodeId}`)
  }, 120_000)
})

async function save(client: Client, name: string, workflowId: string): Promise<void> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory()
  // Stack traces hold paths of the machine that recorded, and nothing that a replay looks at.
  const text = JSON.stringify(JSON.parse(historyToJSON(history)), (field, value: unknown) => (field === 'stackTrace' ? '' : value))
  writeFileSync(new URL(`histories/${name}.json`, import.meta.url), `${text}\n`)
}
