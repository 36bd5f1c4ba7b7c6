import { describe, expect, it } from 'vitest'
import type { AimClient, When } from '../../../src/client/types.js'
import { cacheFlows } from '../../../src/cli/commands/cache-flows.js'
import { cacheRefresh } from '../../../src/cli/commands/cache-refresh.js'
import { cacheSchedule } from '../../../src/cli/commands/cache-schedule.js'
import { cacheWarm } from '../../../src/cli/commands/cache-warm.js'
import type { Interrupted } from '../../../src/cli/interrupt.js'
import type { CacheSchedule, RefreshInput, RefreshResult, WarmInput, WarmResult } from '../../../src/contracts/cache-flows.js'
import { AimError } from '../../../src/contracts/errors.js'
import { handleOf, testCli } from '../support.js'

const warmed: WarmResult = {
  outcome: 'partly warmed',
  repo: 'org/name',
  ref: 'main',
  commit: 'a'.repeat(40),
  files: 3,
  bytes: 92_400_000,
  outsideBytes: 92_400_000,
  nodes: [
    { nodeId: 'gpu-1', outcome: 'miss', fetchedBytes: 92_400_000, sources: { hub: 92_400_000 }, error: null },
    { nodeId: 'gpu-2', outcome: 'hit', fetchedBytes: 0, sources: {}, error: null },
    { nodeId: 'gpu-3', outcome: 'silent', fetchedBytes: 0, sources: {}, error: { code: 'NoNode', message: 'gpu-3 does not answer' } },
  ],
  timings: { pin: 10 },
}

const refreshed: RefreshResult = {
  outcome: 'partly refreshed',
  unchanged: 4,
  followed: [
    { model: 'org/a', ref: 'main', file: null, commit: 'b'.repeat(40), outcome: 'warmed', nodes: ['gpu-1'], workflowId: 'w', error: null },
    {
      model: 'org/b',
      ref: 'main',
      file: 'q4.gguf',
      commit: null,
      outcome: 'failed',
      nodes: [],
      workflowId: null,
      error: { code: 'ModelNotFound', message: 'org/b does not exist' },
    },
  ],
  prewarmed: [],
  nodes: [
    {
      nodeId: 'gpu-1',
      outcome: 'done',
      pruned: { freedBytes: 5_000_000, shortBytes: 7_000_000, bytes: 90_000_000, removed: 1, largest: [] },
      verified: { checkedFiles: 3, checkedBytes: 90_000_000, skipped: 0, bad: 2, repaired: 1, first: [] },
      error: null,
    },
  ],
  timings: {},
}

const schedule: CacheSchedule = {
  id: 'aim-cache-refresh',
  every: 21_600_000,
  cron: null,
  paused: false,
  note: null,
  request: { evict: true },
  nextRuns: ['2026-01-01T06:00:00.000Z'],
  lastRuns: [],
}

function clientOf(change: Partial<AimClient> = {}) {
  const asked: { warm: WarmInput[]; refresh: RefreshInput[]; when: When[] } = { warm: [], refresh: [], when: [] }
  const client: Partial<AimClient> = {
    async warm(request) {
      asked.warm.push(request)
      return { ...handleOf(Promise.resolve(warmed)), workflowId: 'warm/org/name@main' }
    },
    async refresh(request) {
      asked.refresh.push(request)
      return handleOf(Promise.resolve(refreshed))
    },
    async scheduleRefresh(when, request) {
      asked.when.push(when)
      asked.refresh.push(request)
      return schedule
    },
    cacheSchedule: async () => null,
    ...change,
  }
  return { client, asked }
}

describe('aim cache warm', () => {
  it('shows each node, what it fetched from where, and why it failed; exit code 1', async () => {
    const { client, asked } = clientOf()
    const { cli, out, err } = testCli({ client })
    const report = await cacheWarm(cli, ['org/name'], { node: ['gpu-1', 'gpu-2'], label: { zone: 'a' }, verify: true })
    await cli.print(report)
    expect(asked.warm).toEqual([{ model: 'org/name', ref: 'main', nodes: ['gpu-1', 'gpu-2'], labels: { zone: 'a' }, verify: true }])
    expect(out()).toMatch(/gpu-1 +miss: 92\.4 MB, 92\.4 MB fetched \(hub 92\.4 MB\)/)
    expect(out()).toMatch(/gpu-2 +hit: 92\.4 MB/)
    expect(out()).toMatch(/gpu-3 +silent +NoNode: gpu-3 does not answer/)
    expect(err()).toContain('partly warmed: org/name@aaaaaaaaaaaa, 92.4 MB; 92.4 MB came from outside')
    expect(report.exit).toBe(1)
  })

  it('is the whole result in JSON', async () => {
    const { cli, out } = testCli({ client: clientOf().client, flags: { json: true } })
    await cli.print(await cacheWarm(cli, ['org/name'], {}))
    expect(JSON.parse(out())).toEqual(warmed)
  })

  it.each([
    ['../x', {}, 'MODEL'],
    ['org/name', { ref: 'a..b' }, '--ref'],
    ['org/name', { node: ['UPPER'] }, '--node'],
    ['org/name', { file: '../x' }, '--file'],
  ])('refuses %s %j naming %s, before anything is connected', async (model, options, field) => {
    const { cli } = testCli()
    const unconnected = { ...cli, connect: () => Promise.reject(new Error('connected')) }
    await expect(cacheWarm(unconnected, [model], options)).rejects.toMatchObject({ code: 'InvalidInput', details: { field } })
  })

  it('returns at once with --detach', async () => {
    const { cli, out } = testCli({ client: clientOf().client, flags: { json: true } })
    await cli.print(await cacheWarm(cli, ['org/name'], { detach: true }))
    expect(JSON.parse(out())).toEqual({ workflowId: 'warm/org/name@main', runId: 'run-1', attached: false })
  })

  it('tells who leaves that it goes on, and how to come back', async () => {
    const client = clientOf({ warm: async () => handleOf(new Promise<WarmResult>(() => {})) }).client
    const { cli, interrupt } = testCli({ client, argv: ['cache', 'warm', 'org/name'] })
    setTimeout(interrupt, 20)
    const error = await cacheWarm(cli, ['org/name'], {}).catch((reason: unknown) => reason)
    expect((error as Interrupted).notes).toEqual([
      'the warm-up of org/name goes on',
      '  watch:   aim cache flows',
      '  rejoin:  aim cache warm org/name',
    ])
  })

  it('stops waiting after the timeout, and names what shows it', async () => {
    const client = clientOf({ warm: async () => handleOf(new Promise<WarmResult>(() => {})) }).client
    const { cli } = testCli({ client })
    await expect(cacheWarm(cli, ['org/name'], { timeout: 20 })).rejects.toMatchObject({ code: 'Timeout', fix: 'aim cache flows' })
  })
})

describe('aim cache refresh', () => {
  it('asks for what the flags say, and tells what was done on each node', async () => {
    const { client, asked } = clientOf()
    const { cli, out, err } = testCli({ client })
    const report = await cacheRefresh(cli, [], { follow: ['org/a@v1'], prewarm: ['org/next'], evict: false, sample: 5 })
    await cli.print(report)
    expect(asked.refresh).toEqual([
      {
        follow: [{ model: 'org/a', ref: 'v1' }],
        prewarm: [{ model: 'org/next', ref: 'main', verify: false }],
        evict: false,
        verifySampleBytes: 5,
      },
    ])
    expect(out()).toMatch(/gpu-1 +done +5\.0 MB +90\.0 MB +90\.0 MB +2, 1 repaired/)
    expect(err()).toContain('moved: org/a@main warmed at bbbbbbbbbbbb')
    expect(err()).toContain('moved: org/b@main:q4.gguf failed: org/b does not exist')
    expect(err()).toContain('gpu-1: 7.0 MB more were to go, and nothing may be removed for them')
    expect(report.exit).toBe(1)
  })

  it('refuses a branch that is none, naming the flag', async () => {
    const { cli } = testCli()
    await expect(cacheRefresh(cli, [], { follow: ['nonsense'], evict: true })).rejects.toMatchObject({ details: { field: '--follow' } })
  })
})

describe('aim cache schedule', () => {
  it('puts a schedule in force, and shows it', async () => {
    const { client, asked } = clientOf()
    const { cli, out } = testCli({ client })
    await cli.print(await cacheSchedule(cli, [], { every: 21_600_000, evict: true, prewarm: ['org/next'] }))
    expect(asked.when).toEqual([{ every: 21_600_000 }])
    expect(asked.refresh).toMatchObject([{ prewarm: [{ model: 'org/next' }], evict: true }])
    expect(out()).toContain('state     in force\ndue       every 6h\nnext      2026-01-01T06:00:00.000Z\n')
  })

  it('shows that it is paused and why, and that there is none', async () => {
    const paused = testCli({ client: clientOf({ cacheSchedule: async () => ({ ...schedule, paused: true, note: 'by ada' }) }).client })
    await paused.cli.print(await cacheSchedule(paused.cli, [], { evict: true }))
    expect(paused.out()).toContain('state     paused: by ada\n')
    const none = testCli({ client: clientOf().client })
    await none.cli.print(await cacheSchedule(none.cli, [], { evict: true }))
    expect(none.err()).toContain('there is no schedule\nnext: aim cache schedule --every 6h')
  })

  it('ends it, and says when there was none', async () => {
    let ended = true
    const client = clientOf({ unscheduleRefresh: async () => ended }).client
    expect((await cacheSchedule(testCli({ client }).cli, [], { off: true, evict: true })).notes).toEqual(['the schedule was ended'])
    ended = false
    expect((await cacheSchedule(testCli({ client }).cli, [], { off: true, evict: true })).notes).toEqual(['there was no schedule'])
  })

  it('names the flag that Temporal refuses, and the one that is missing', async () => {
    const refusing = async () => {
      throw new AimError('InvalidInput', { field: 'cron', rule: 'Temporal refuses it' })
    }
    const { cli } = testCli({ client: clientOf({ scheduleRefresh: refusing }).client })
    await expect(cacheSchedule(cli, [], { cron: 'x', evict: true })).rejects.toMatchObject({ details: { field: '--cron' } })
    await expect(cacheSchedule(cli, [], { evict: false })).rejects.toMatchObject({ details: { field: '--every' } })
  })
})

describe('aim cache flows', () => {
  const flow = {
    workflowId: 'warm/org/name@main',
    runId: 'r',
    type: 'warmCache',
    model: 'org/name',
    state: 'warming',
    running: true,
    actor: 'ada@host',
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: null,
    step: 'seed: 10 B from outside',
  }

  it('lists what runs with its step, and what ran with how it ended', async () => {
    const ended = { ...flow, running: false, state: 'warmed', step: null, endedAt: '2026-01-01T00:02:05.000Z' }
    const { cli, out } = testCli({ client: { cacheFlows: async () => [flow, ended] } })
    await cli.print(await cacheFlows(cli, [], { limit: 20 }))
    expect(out()).toMatch(/warmCache +org\/name +warming +seed: 10 B from outside/)
    expect(out()).toMatch(/warmed +- +2m 5s +warm\/org\/name@main/)
  })

  it('says when there is none, and what to do', async () => {
    const { cli, err } = testCli({ client: { cacheFlows: async () => [] } })
    await cli.print(await cacheFlows(cli, [], { limit: 20 }))
    expect(err()).toContain('next: aim cache warm org/name')
  })
})
