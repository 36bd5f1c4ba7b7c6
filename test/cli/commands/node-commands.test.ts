import { describe, expect, it } from 'vitest'
import type { NodeView } from '../../../src/contracts/node-owner.js'
import { nodeDrain } from '../../../src/cli/commands/node-drain.js'
import { nodeClear, nodeForget, nodeLabel, nodeLs, nodeQuarantine, nodeShow } from '../../../src/cli/commands/nodes.js'
import { AimError } from '../../../src/contracts/errors.js'
import type { Lease } from '../../../src/domain/lease.js'
import { serving, statusOf, testCli } from '../support.js'

const AT = '2026-11-27T00:00:00.000Z'
const lease = (endpoint: string, gpus: number[]): Lease => ({
  endpoint,
  replica: 0,
  gpus,
  fence: 7,
  state: 'bound',
  owner: { workflowId: 'w', runId: 'r' },
  grantedAt: AT,
})
const view: NodeView = {
  nodeId: 'gpu-1',
  presence: 'ready',
  since: AT,
  simulated: false,
  identity: { nodeId: 'gpu-1', hostname: 'rack7', machineId: 'm', bootId: 'b', instance: 'i' },
  gpus: [0, 1, 2].map((index) => ({ index, model: 'MI300X', vramTotalBytes: 192e9, bdf: null })),
  labels: { zone: 'a' },
  cordon: null,
  leases: [lease('chat', [0])],
  quarantined: [{ gpu: 2, reason: 'page faults', by: 'ann', at: AT }],
  fence: 7,
}
const plain = { flags: { time: 'iso' as const } }

describe('node ls', () => {
  it('shows state, GPUs, what is free, and who is there; one that cannot answer is listed with the reason', async () => {
    const silent = { nodeId: 'gpu-2', view: null, problem: 'Temporal does not answer' }
    const simulated = { nodeId: 'v-1', view: { ...view, nodeId: 'v-1', simulated: true, presence: 'lost' as const }, problem: null }
    const { cli, out } = testCli({
      ...plain,
      client: { nodeStatuses: async () => [{ nodeId: 'gpu-1', view, problem: null }, silent, simulated] },
    })
    await cli.print(await nodeLs(cli))
    expect(out()).toBe(
      [
        'NODE   STATE                     SINCE                     GPUS      FREE  ENDPOINTS',
        'gpu-1  ready                     2026-11-27T00:00:00.000Z  3 MI300X     1  chat',
        'gpu-2  Temporal does not answer  -                         -            -  -',
        'v-1    lost, simulated           2026-11-27T00:00:00.000Z  3 MI300X     1  chat',
        '',
      ].join('\n'),
    )
  })

  it('says what to do where there is none', async () => {
    const { cli } = testCli({ client: { nodeStatuses: async () => [] } })
    expect((await nodeLs(cli)).notes).toEqual(['there is no node; next: aim up, or aim node on a GPU machine'])
  })
})

describe('node show', () => {
  it('shows each GPU with who has it, and the next commands', async () => {
    const cordon = { reason: 'new memory', by: 'ann', at: AT, drain: false }
    const cpu = { ...view, cordon, leases: [...view.leases, lease('small', [])] }
    const { cli, out } = testCli({ ...plain, client: { node: async () => cpu } })
    const report = await nodeShow(cli, ['gpu-1'])
    await cli.print(report)
    expect(report.data).toEqual(cpu)
    expect(out()).toBe(
      [
        'node         gpu-1',
        'state        ready, cordoned',
        'since        2026-11-27T00:00:00.000Z',
        'why          new memory (ann, 2026-11-27T00:00:00.000Z)',
        'host         rack7, boot b',
        'labels       zone=a',
        'GPUs         3 MI300X',
        '  0          192 GB, chat, bound, fence 7',
        '  1          192 GB, free',
        '  2          192 GB, in quarantine: page faults (ann)',
        '  processor  small, bound, fence 7',
        '',
      ].join('\n'),
    )
    expect(report.notes).toEqual(['next: aim node uncordon gpu-1', 'when GPU 2 is sound again: aim node clear gpu-1 2'])
  })

  it('of a name that is not there says which are near', async () => {
    const node = () => Promise.reject(new AimError('NoSuchNode', { node: 'gpu-3' }))
    const { cli } = testCli({ client: { node, nodes: async () => ['gpu-1', 'rack9'] } })
    await expect(nodeShow(cli, ['gpu-3'])).rejects.toMatchObject({ code: 'NoSuchNode', details: { 'did you mean': 'gpu-1' } })
  })

  it('refuses a name that no node can have before it connects', async () => {
    const { cli } = testCli()
    await expect(nodeShow(cli, ['No Node'])).rejects.toMatchObject({ code: 'InvalidInput', details: { field: 'NODE' } })
  })
})

describe('node drain', () => {
  const cordon = { reason: 'x', by: 'ann', at: AT, drain: true }
  const looks = [['a', 'b'], ['b'], []].map((names) => ({ ...view, cordon, leases: names.map((name) => lease(name, [0])) }))
  const [first] = looks
  const NOWHERE = 'it tries another place again in 1 min; the last try: no node answers besides gpu-1'
  const stuck = async (name: string) => ({ ...statusOf(name === 'b' ? { ...serving, next: NOWHERE } : null), endpoint: name })

  it('tells what is left whenever that changes, until nothing is', async () => {
    const later = looks.slice(1)
    const { cli, err } = testCli({ client: { cordonNode: async () => first!, node: async () => later.shift()!, endpoint: stuck } })
    const report = await nodeDrain(cli, ['gpu-1'], { reason: 'x' })
    expect(err()).toBe(`left on gpu-1: a, b (${NOWHERE})\nleft on gpu-1: b (${NOWHERE})\n`)
    expect(report.notes).toContain('drained: nothing runs here any more')
  })

  it('returns at once with --detach, and gives up waiting with --timeout', async () => {
    const client = { cordonNode: async () => first!, node: async () => first!, endpoint: stuck }
    const { notes } = await nodeDrain(testCli({ client }).cli, ['gpu-1'], { reason: 'x', detach: true })
    expect(notes?.[0]).toMatch(/^left: a, b;/)
    expect(notes).toContain('what keeps a here: aim explain a')
    await expect(nodeDrain(testCli({ client }).cli, ['gpu-1'], { reason: 'x', timeout: 0 })).rejects.toMatchObject({ code: 'Timeout' })
  })

  it('goes on when the person leaves', async () => {
    const { cli, interrupt } = testCli({ client: { cordonNode: async () => first!, node: async () => first!, endpoint: stuck } })
    const drained = nodeDrain(cli, ['gpu-1'], { reason: 'x' })
    setTimeout(interrupt, 50)
    await expect(drained).rejects.toMatchObject({ notes: [expect.stringContaining('the drain of gpu-1 goes on')] })
  })
})

it('labels are set with = and removed with -', async () => {
  const asked: unknown[] = []
  const { cli } = testCli({ client: { labelNode: async (...args) => (asked.push(args), view) } })
  await nodeLabel(cli, ['gpu-1', 'zone=b', 'rack-', 'note='])
  expect(asked).toEqual([['gpu-1', { set: { zone: 'b', note: '' }, remove: ['rack'] }]])
  await expect(nodeLabel(cli, ['gpu-1', 'zone'])).rejects.toThrow('LABEL: zone must be name=value, or name- to remove it')
})

it('quarantine and clear take the number of a GPU', async () => {
  const asked: unknown[] = []
  const client = {
    quarantineGpu: async (...args: unknown[]) => (asked.push(args), view),
    clearGpu: async (...args: unknown[]) => (asked.push(args), view),
  }
  const { cli } = testCli({ client })
  await nodeQuarantine(cli, ['gpu-1', '3'], { reason: 'page faults' })
  await nodeClear(cli, ['gpu-1', '3'])
  expect(asked).toEqual([
    ['gpu-1', 3, 'page faults'],
    ['gpu-1', 3],
  ])
  await expect(nodeClear(cli, ['gpu-1', 'x'])).rejects.toMatchObject({ code: 'InvalidInput', details: { field: 'GPU' } })
})

it('forget says how the node comes back', async () => {
  const { cli } = testCli({ client: { forgetNode: async () => {} } })
  expect((await nodeForget(cli, ['gpu-1'], {})).notes).toEqual(['gpu-1 is forgotten; it is a node again once its worker starts'])
})
