import { expect, test, vi } from 'vitest'
import {
  cluster,
  deploy,
  drain,
  endpoint,
  leasesOn,
  leave,
  places,
  servesOn,
  uncordon,
  view,
  useTwoNodes,
  type Places,
} from '../support/two-nodes.js'
import { until, waitFor } from '../support/wait-for.js'

useTwoNodes()

test('a node that is drained is left, and nothing of the endpoint stays there', async () => {
  await deploy({ reason: 'asked for by a person' })
  const { home, other } = await places()
  await drain(home)
  await servesOn(other)
  await until(async () => (await leasesOn(home)).length === 0)
  expect(home.machine.running(endpoint)).toEqual([])
  const why = `node ${home.nodeId} is drained`
  expect((await view()).healing.at(-1)).toMatchObject({ did: 'repair', why, outcome: 'done' })
  expect((await cluster.records.history(endpoint))[0]).toMatchObject({ kind: 'deploy', reason: why })
}, 60_000)

/** It serves on a node that is drained, and the engine that is to take its place does not answer yet. */
async function moving(): Promise<Places> {
  await deploy()
  const { home, other } = await places()
  other.machine.startsAs = 'silent'
  await drain(home)
  await until(() => other.machine.running(endpoint).length === 1)
  return { home, other }
}

test('a node that is drained serves, and is cared for, until another one answers', async () => {
  const { home, other } = await moving()
  expect(home.machine.running(endpoint)).toHaveLength(1)
  expect(await view()).toMatchObject({ phase: 'serving', replica: { nodeId: home.nodeId } })
  home.machine.kill(endpoint)
  await until(async () => (await view()).restarts === 1 && (await view()).phase === 'serving')
  other.machine.startsAs = 'answers'
  await servesOn(other)
  await until(async () => (await leasesOn(home)).length === 0 && home.machine.running(endpoint).length === 0)
  expect((await view()).healing.map(({ did, outcome }) => [did, outcome])).toEqual([
    ['repair', 'done'],
    ['restart', 'done'],
  ])
  expect(await view()).toMatchObject({ phase: 'serving', replica: { key: other.machine.running(endpoint)[0]?.key } })
}, 60_000)

test('what becomes of the engine before is no concern of the one that was taken over', async () => {
  const { home, other } = await moving()
  home.machine.startsAs = 'silent'
  home.machine.kill(endpoint)
  await until(() => home.machine.running(endpoint).length === 1)
  // Its proof hears of nothing, not of its being called off either, before it finds that it was stopped.
  const inspect = vi.spyOn(home.machine, 'inspect').mockImplementation(async () => {
    await until(() => home.machine.running(endpoint).length === 0)
    return { phase: 'absent' }
  })
  const [engine] = other.machine.running(endpoint)
  other.machine.startsAs = 'answers'
  await servesOn(other)
  await until(async () => (await leasesOn(home)).length === 0 && home.machine.running(endpoint).length === 0)
  inspect.mockRestore()
  expect((await view()).replica?.key).toEqual(engine?.key)
  expect(other.machine.running(endpoint).map(({ key }) => key)).toEqual([engine?.key])
  expect((await view()).healing.filter(({ outcome }) => outcome !== 'done')).toEqual([])
}, 60_000)

test('a node that is drained no more is not left, though that was heard in the middle of a repair', async () => {
  const { home, other } = await moving()
  await uncordon(home)
  other.machine.startsAs = 'exits'
  other.machine.kill(endpoint)
  await until(async () => (await view()).operation === null)
  await until(async () => (await view()).next === null)
  expect(await view()).toMatchObject({ phase: 'serving', replica: { nodeId: home.nodeId } })
  expect(home.machine.running(endpoint)).toHaveLength(1)
}, 60_000)

test('a node that is lost while it is drained is not asked for anything any more', async () => {
  const { home, other } = await moving()
  await leave(home)
  await until(async () => (await view()).presence === 'lost')
  other.machine.startsAs = 'exits'
  other.machine.kill(endpoint)
  await waitFor('a wait for the node', async () => (await view()).next?.startsWith(`it waits for node ${home.nodeId}`) ?? false, 60_000)
  expect(await view()).toMatchObject({ phase: 'repairing', reason: `node ${home.nodeId} does not answer` })
}, 90_000)
