import { describe, expect, it } from 'vitest'
import type { AimClient } from '../../../src/client/types.js'
import { ps } from '../../../src/cli/commands/ps.js'
import { status } from '../../../src/cli/commands/status.js'
import { stop } from '../../../src/cli/commands/stop.js'
import { Interrupted } from '../../../src/cli/interrupt.js'
import type { EndpointView } from '../../../src/contracts/endpoint.js'
import { handleOf, notFound, serving, statusOf, testCli } from '../support.js'

const operation = { kind: 'deploy', workflowId: 'deploy/smol', runId: 'r', requestFingerprint: '', fence: 1 } as const
const views = (...all: EndpointView[]): Partial<AimClient> => ({
  endpoints: async () => all.map((view) => statusOf(view)),
  endpoint: async () => statusOf(all[0]!),
})

describe('status', () => {
  it('lists endpoints with state, node and address', async () => {
    const { cli, out } = testCli({ client: views(serving), flags: { time: 'iso' } })
    await cli.print(await status(cli, [], {}))
    expect(out().split('\n')[1]).toMatch(
      /^smol +serving +1 +org\/smol +node-1 +CPU +http:\/\/127.0.0.1:8100\/v1 +0 +2026-01-01T00:00:00.000Z/,
    )
  })

  it.each<[EndpointView['phase'], number, number]>([
    ['serving', 0, 0],
    ['deploying', 8, 0],
    ['restarting', 8, 0],
    ['stopping', 8, 0],
    ['degraded', 1, 1],
  ])('%s: exit code %d for one, %d for the list', async (phase, one, list) => {
    const { cli } = testCli({ client: views({ ...serving, phase }) })
    expect((await status(cli, ['smol'], {})).exit).toBe(one)
    expect((await status(cli, [], {})).exit).toBe(list)
  })

  it.each<[EndpointView['phase'], boolean]>([
    ['serving', true],
    ['restarting', false],
    ['repairing', false],
    ['degraded', false],
  ])('%s: tells a process, and an address that answers: %s', async (phase, runs) => {
    const { cli, out } = testCli({ client: views({ ...serving, phase }) })
    await cli.print(await status(cli, ['smol'], {}))
    expect([out().includes('pid '), !out().includes(':8100/v1, which does not answer now')]).toEqual([runs, runs])
  })

  it('fails when an endpoint does not answer, and says why', async () => {
    const { cli, out } = testCli({ client: { endpoints: async () => [statusOf(null, 'no worker polls')] } })
    const report = await status(cli, [], {})
    await cli.print(report)
    expect(report.exit).toBe(1)
    expect(out()).toMatch(/unknown.*no worker polls/)
  })

  it('shows the steps of what runs on the endpoint', async () => {
    const progress = {
      steps: [{ step: 'warm', state: 'running' as const, startedAt: '2026-01-01T00:00:00Z' }],
      bytes: { done: 1e6, total: 2e6, file: 'm.gguf' },
    }
    const client = {
      ...views({ ...serving, phase: 'deploying', operation }),
      operation: async () => handleOf(new Promise<never>(() => {}), progress),
    }
    const { cli, out } = testCli({ client })
    await cli.print(await status(cli, ['smol'], {}))
    expect(out()).toMatch(/warm +running .* 1.0 MB of 2.0 MB {2}50 % {2}m.gguf/)
  })

  it('offers the name that was meant', async () => {
    const client: Partial<AimClient> = { endpoint: notFound, endpoints: async () => [statusOf({ ...serving, endpoint: 'smol2' })] }
    await expect(status(testCli({ client }).cli, ['smol'], {})).rejects.toMatchObject({
      code: 'NotFound',
      details: { 'did you mean': 'smol2' },
    })
  })

  it('--watch prints every change and nothing twice, until Ctrl-C', async () => {
    const phases: EndpointView['phase'][] = ['deploying', 'deploying', 'serving']
    let looks = 0
    const client: Partial<AimClient> = { endpoints: async () => [statusOf({ ...serving, phase: phases[looks++] ?? 'serving' })] }
    const { cli, out, interrupt } = testCli({ client, flags: { json: true } })
    const watching = status(cli, [], { watch: true })
    await expect.poll(() => looks, { timeout: 15_000 }).toBeGreaterThan(3)
    interrupt()
    await expect(watching).rejects.toBeInstanceOf(Interrupted)
    const lines = out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as [{ view: EndpointView }])
    expect(lines.map(([{ view }]) => view.phase)).toEqual(['deploying', 'serving'])
  })
})

describe('ps', () => {
  it('lists no engine of an endpoint that was left', async () => {
    const client: Partial<AimClient> = { ...views({ ...serving, phase: 'degraded' }), operations: async () => [] }
    const { cli, out } = testCli({ client })
    await cli.print(await ps(cli))
    expect(out()).not.toContain('4242')
  })

  it('lists engines and operations', async () => {
    const operations = async () => [{ workflowId: 'deploy/other', runId: 'r', type: 'deployModel', startedAt: '2026-01-01T00:00:00Z' }]
    const { cli, out } = testCli({ client: { ...views(serving), operations }, flags: { json: true } })
    await cli.print(await ps(cli))
    expect(JSON.parse(out())).toMatchObject([
      { kind: 'engine', endpoint: 'smol', node: 'node-1', pid: 4242 },
      { kind: 'operation', endpoint: 'other', id: 'deploy/other' },
    ])
  })
})

describe('stop', () => {
  const stopped = {
    endpoint: 'smol',
    outcome: 'stopped',
    stopped: [{ node: 'node-1', engine: 'default/smol/0/1/1' }],
    silent: [],
    undying: [],
  } as const

  it('takes the name for the confirmation, waits, and says what ended', async () => {
    const asked: unknown[] = []
    const client: Partial<AimClient> = {
      ...views(serving),
      undeploy: async (request) => {
        asked.push(request)
        return handleOf(Promise.resolve({ ...stopped, stopped: [...stopped.stopped], silent: [], undying: [] }))
      },
    }
    const { cli, out } = testCli({ client })
    await cli.print(await stop(cli, ['smol'], { grace: 5 }))
    expect(asked).toEqual([{ endpoint: 'smol', graceSeconds: 5, force: false }])
    expect(out()).toContain('engine    default/smol/0/1/1 on node-1 ended')
  })

  it('--dry-run starts nothing', async () => {
    const { cli, out } = testCli({ client: views(serving) })
    await cli.print(await stop(cli, ['smol'], { dryRun: true }))
    expect(out()).toContain('would stop  llamacpp on node-1, pid 4242')
  })

  it('does not know a name that is not there', async () => {
    const absent = { endpoint: 'smol', outcome: 'absent', stopped: [], silent: [], undying: [] } as const
    const undeploy = () => Promise.resolve(handleOf(Promise.resolve({ ...absent, stopped: [], silent: [], undying: [] })))
    const client: Partial<AimClient> = { undeploy, endpoint: notFound, endpoints: async () => [] }
    await expect(stop(testCli({ client }).cli, ['smol'], {})).rejects.toMatchObject({ code: 'NotFound' })
  })

  it('says of a node that did not answer what becomes of what it runs, also when nothing was found elsewhere', async () => {
    const absent = { endpoint: 'smol', outcome: 'absent', stopped: [], silent: ['node-2'], undying: [] } as const
    const undeploy = () => Promise.resolve(handleOf(Promise.resolve({ ...absent, stopped: [], silent: ['node-2'], undying: [] })))
    const { cli, out, err } = testCli({ client: { undeploy, endpoint: notFound, endpoints: async () => [] } })
    await cli.print(await stop(cli, ['smol'], {}))
    expect(out()).toContain('nothing to stop on the nodes that answer')
    expect(err()).toContain('node-2 did not answer: what it still runs of this ends when it is back')
  })

  it('names the flag that is wrong', async () => {
    await expect(stop(testCli().cli, ['smol'], { grace: 9999 })).rejects.toMatchObject({
      code: 'InvalidInput',
      details: { field: '--grace' },
    })
  })
})
