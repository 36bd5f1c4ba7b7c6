import { describe, expect, test } from 'vitest'
import { cluster, deploy, endpoint, join, leasesOn, leave, nodes, places, servesOn, view, useTwoNodes } from '../support/two-nodes.js'
import { until } from '../support/wait-for.js'

useTwoNodes()

describe('a node that does not answer any more', () => {
  test('is waited for, then left; when it is back, what ran there ends', async () => {
    await deploy()
    const { home, other } = await places()
    await Promise.all([leave(home), until(async () => (await view()).presence === 'unknown')])
    const silence = { phase: 'serving', reason: `node ${home.nodeId} does not answer`, next: expect.stringContaining('another place') }
    expect(await view()).toMatchObject(silence)
    await servesOn(other)
    expect(await view()).toMatchObject({ reason: null, next: null })
    expect(home.machine.running(endpoint)).toHaveLength(1)
    expect((await view()).healing.at(-1)).toMatchObject({ did: 'repair', outcome: 'done', why: `node ${home.nodeId} does not answer` })
    await join(home)
    await until(() => home.machine.running(endpoint).length === 0)
    expect(other.machine.running(endpoint)).toHaveLength(1)
    await until(async () => (await leasesOn(home)).length === 0)
  }, 90_000)

  test('and has no substitute is waited for, and its engine is taken up again', async () => {
    await deploy({ node: nodes[0].nodeId })
    const [home] = nodes
    const pid = (await view()).replica?.pid
    await leave(home)
    await until(async () => (await view()).next?.startsWith(`it waits for node ${home.nodeId}`) ?? false)
    expect(await view()).toMatchObject({ phase: 'repairing', presence: 'lost', reason: `node ${home.nodeId} does not answer` })
    await join(home)
    await servesOn(home)
    expect(await view()).toMatchObject({ presence: 'ready', restarts: 0, replica: { pid } })
    expect((await view()).healing.at(-1)).toMatchObject({ did: 'adopt', outcome: 'done' })
    home.machine.kill(endpoint)
    await until(async () => (await view()).restarts === 1)
  }, 90_000)

  test('and comes back in time changes nothing, and its engine is watched by the new worker', async () => {
    await deploy()
    const { home } = await places()
    const { replica } = await view()
    await leave(home)
    await join(home)
    await until(async () => (await view()).presence === 'ready')
    home.machine.kill(endpoint)
    await until(async () => (await view()).restarts === 1)
    expect((await view()).replica?.key).toEqual({ ...replica?.key, launch: 2 })
  }, 60_000)

  test('during a deploy is left when that ends without an engine of its own', async () => {
    await deploy()
    const { home, other } = await places()
    other.machine.startsAs = 'silent'
    const operation = await cluster.aim.deploy({ endpoint, model: 'org/name', node: other.nodeId, context: 4_096 })
    await until(() => other.machine.running(endpoint).length === 1)
    await leave(home)
    await until(async () => (await view()).next?.startsWith(`${operation.workflowId} is at work`) ?? false)
    await operation.cancel()
    await expect(operation.result()).rejects.toMatchObject({ code: 'Cancelled' })
    other.machine.startsAs = 'answers'
    await servesOn(other)
    expect((await view()).revision?.request.context).toBeUndefined()
  }, 90_000)

  test('is not waited for by a deploy that would change nothing', async () => {
    const [home] = nodes
    await deploy({ node: home.nodeId })
    const gone: Promise<void>[] = []
    home.machine.looking = () => {
      if (gone.length === 0) gone.push(leave(home))
    }
    await expect(deploy({ node: home.nodeId })).rejects.toMatchObject({ code: 'NodeLost' })
    await Promise.all(gone)
    expect((await view()).operation).toBeNull()
  }, 60_000)

  test('yet, when it is stopped, is waited for until it is lost, and never comes back', async () => {
    await deploy()
    const { home, other } = await places()
    await Promise.all([leave(home), until(async () => (await view()).presence === 'unknown')])
    const { outcome, silent } = await (await cluster.aim.undeploy({ endpoint })).result()
    expect([outcome, silent]).toEqual(['stopped', [home.nodeId]])
    await join(home)
    await until(() => home.machine.running(endpoint).length === 0)
    expect(other.machine.running(endpoint)).toEqual([])
  }, 60_000)

  test('does not keep an endpoint from being stopped', async () => {
    await deploy({ node: nodes[0].nodeId })
    const [home] = nodes
    await leave(home)
    await until(async () => (await view()).presence === 'lost')
    const { outcome, silent } = await (await cluster.aim.undeploy({ endpoint })).result()
    expect([outcome, silent]).toEqual(['stopped', [home.nodeId]])
    await join(home)
    await until(() => home.machine.running(endpoint).length === 0)
  }, 90_000)
})
