import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRecords } from '../../../src/adapters/store/open.js'
import type { Measurement } from '../../../src/domain/measurement.js'
import type { Plan } from '../../../src/domain/plan.js'
import type { AttemptRecord, Records } from '../../../src/ports/records.js'
import { aCandidate, aPlan } from '../../support/plans.js'
import { postgresPrograms, startPostgres } from './postgres-server.js'

/** Making a new database in process is 4 s of work for one core, and the machine may be busy. */
const SLOW_MS = 180_000

type Place = { open(): Promise<Records>; remove(): Promise<void> }

const programs = await postgresPrograms()
const noServer = programs === null ? ' (skipped: no PostgreSQL server on this machine; Debian: apt-get install postgresql)' : ''

describe('in this process (PGlite)', () => {
  behavesAsRecords(pglitePlace)
})
describe.skipIf(programs === null)(`on a PostgreSQL server${noServer}`, () => {
  behavesAsRecords(postgresPlace)
})

function behavesAsRecords(makePlace: () => Promise<Place>): void {
  let place: Place
  let records: Records
  beforeAll(async () => {
    place = await makePlace()
    records = await place.open()
  }, SLOW_MS)
  afterAll(async () => {
    await records.close()
    await place.remove()
  })

  test('a deployment is kept from its beginning to its end with its plan and its attempts', async () => {
    const { run, begin } = newRun('whole')
    const before = Date.now()
    await begin(records)
    await records.savePlan(run, PLAN)
    await records.saveAttempt(attempt(run, 2, { outcome: 'ready', failure: null }))
    await records.saveAttempt(attempt(run, 1))
    expect(await records.history('whole', 10)).toMatchObject([{ state: 'running', endedAt: null, revision: null, plan: PLAN }])
    await records.finish(run, {
      state: 'deployed',
      revision: 3,
      error: null,
      result: { url: 'http://127.0.0.1:8100', list: [1, null, 'x'] },
    })
    const [kept, ...others] = await records.history('whole', 10)
    expect(others).toEqual([])
    expect(kept).toEqual({
      ...run,
      kind: 'deploy',
      endpoint: 'whole',
      revision: 3,
      actor: 'anna@gpu-1',
      reason: 'first try',
      request: { model: 'org/name', context: 4096 },
      state: 'deployed',
      startedAt: expect.any(String),
      endedAt: expect.any(String),
      error: null,
      result: { url: 'http://127.0.0.1:8100', list: [1, null, 'x'] },
      plan: PLAN,
      attempts: [attempt(run, 1), attempt(run, 2, { outcome: 'ready', failure: null })],
    })
    const times = [kept!.startedAt, kept!.endedAt!].map((time) => Date.parse(time))
    expect(times.every((time) => Math.abs(time - before) < 600_000)).toBe(true)
    expect(kept!.startedAt).toBe(new Date(times[0]!).toISOString())
  })

  test('every write may be repeated, also at the same time, and changes nothing', async () => {
    const { run, begin } = newRun('repeated')
    const end = { state: 'failed', revision: null, error: { code: 'EngineExited', message: 'no' }, result: null } as const
    const writes = [
      () => begin(records),
      () => records.savePlan(run, PLAN),
      () => records.saveAttempt(attempt(run, 1)),
      () => records.finish(run, end),
    ]
    for (const write of writes) await write()
    const once = await records.history('repeated', 10)
    for (const write of writes) await Promise.all([write(), write()])
    await records.saveAttempt(attempt(run, 1, { failure: 'another' }))
    await records.finish(run, { state: 'deployed', revision: 1, error: null, result: 'late' })
    expect(await records.history('repeated', 10)).toEqual(once)
    expect(once).toMatchObject([{ state: 'failed', error: { code: 'EngineExited', message: 'no' }, attempts: [{ number: 1 }] }])
  })

  test('flows of the cache belong to no endpoint, and are kept among themselves', async () => {
    const { run } = newRun('cache')
    await records.begin({ ...run, kind: 'warm', endpoint: null, actor: 'anna@gpu-1', reason: 'a rollout', request: { model: 'org/name' } })
    await records.finish(run, { state: 'warmed', revision: null, error: null, result: { outsideBytes: 7 } })
    expect(await records.history(null, 10)).toMatchObject([
      { ...run, kind: 'warm', endpoint: null, state: 'warmed', result: { outsideBytes: 7 }, plan: null, attempts: [] },
    ])
  })

  test('a flow that plans again keeps its last plan', async () => {
    const { run, begin } = newRun('replanned')
    await begin(records)
    await records.savePlan(run, PLAN)
    const second = aPlan({ dropped: [{ recipe: 'r', nodes: [], count: 1, reason: 'GPU 0 was taken meanwhile' }] })
    await records.savePlan(run, second)
    expect(await records.history('replanned', 1)).toMatchObject([{ plan: second }])
  })

  test('what launches showed is kept by kind of launch, the newest of a kind wins, and comes back in one order', async () => {
    const others: Measurement[] = [
      { ...MEASUREMENT, setup: 'b' },
      { ...MEASUREMENT, gpuCount: 4, precision: null, kvBytesPerGpu: null },
      { ...MEASUREMENT, model: 'org/other' },
    ]
    for (const measurement of [MEASUREMENT, ...others]) await records.saveMeasurement(measurement)
    await records.saveMeasurement({ ...MEASUREMENT, kvBytesPerGpu: 1, measuredAt: '2026-02-02T00:00:00.000Z' })
    expect(await records.measurements(['org/name', 'org/unknown'])).toEqual([
      others[1],
      { ...MEASUREMENT, kvBytesPerGpu: 1, measuredAt: '2026-02-02T00:00:00.000Z' },
      others[0],
    ])
    expect(await records.measurements([])).toEqual([])
  })

  test('history is of one endpoint, newest first, and no longer than asked', async () => {
    const runs = [newRun('many'), newRun('many'), newRun('many')]
    for (const { begin } of [...runs, newRun('other')]) await begin(records)
    await records.saveAttempt(attempt(runs[0]!.run, 1))
    const all = await records.history('many', 10)
    expect(all.map(({ runId }) => runId)).toEqual(runs.map(({ run }) => run.runId).toReversed())
    expect(all.map(({ attempts }) => attempts.length)).toEqual([0, 0, 1])
    expect((await records.history('many', 2)).map(({ runId }) => runId)).toEqual([runs[2]!.run.runId, runs[1]!.run.runId])
    expect(await records.history('unknown', 10)).toEqual([])
  })

  test('the last revision is the highest of the endpoint ever, 0 when there is none', async () => {
    expect(await records.lastRevision('revised')).toBe(0)
    for (const revision of [7, 12, null]) {
      const { run, begin } = newRun('revised')
      await begin(records)
      await records.finish(run, { state: 'deployed', revision, error: null, result: null })
    }
    expect(await records.lastRevision('revised')).toBe(12)
  })

  test('a run that was reset gets a row of its own when it ends, with the beginning of the run it goes on from', async () => {
    const { run, begin } = newRun('reset')
    await begin(records)
    const second = { ...run, runId: crypto.randomUUID() }
    const end = { state: 'deployed', revision: 1, error: null, result: null } as const
    await records.finish(second, end)
    await records.finish(second, end)
    expect(await records.history('reset', 10)).toMatchObject([
      { ...second, state: 'deployed', actor: 'anna@gpu-1', request: { model: 'org/name' } },
      { ...run, state: 'running' },
    ])
  })

  test('characters that the database refuses are replaced, all others kept', async () => {
    const { run, begin } = newRun('bytes')
    await begin(records)
    await records.saveAttempt(attempt(run, 1, { logTail: ['a\u0000b', 'half \ud83d', '\udc00', 'whole 😀 ü', '"\\'], failure: 'x\u0000' }))
    await records.finish(run, {
      state: 'failed',
      revision: null,
      error: { code: 'Internal', message: '\u0000' },
      result: { 'k\u0000': '\ud800' },
    })
    const [kept] = await records.history('bytes', 1)
    expect(kept!.attempts[0]).toMatchObject({ logTail: ['a\ufffdb', 'half \ufffd', '\ufffd', 'whole 😀 ü', '"\\'], failure: 'x\ufffd' })
    expect(kept).toMatchObject({ error: { message: '\ufffd' }, result: { 'k\ufffd': '\ufffd' } })
  })

  test('what was kept is there after closing and opening again', async () => {
    const { run, begin } = newRun('kept')
    await begin(records)
    await records.close()
    await records.close()
    records = await place.open()
    expect(await records.history('kept', 10)).toMatchObject([run])
  })
}

const PLAN: Plan = aPlan({
  candidates: [
    aCandidate({
      recipe: 'mi300x/bf16',
      backend: 'vllm',
      node: 'gpu-1',
      gpus: [0, 1],
      args: { 'max-model-len': 4096, 'enforce-eager': true },
    }),
  ],
  dropped: [{ recipe: 'mi250/fp8', nodes: ['gpu-1'], count: 1, reason: 'needs 96 GB, has 64 GB' }],
})

const MEASUREMENT: Measurement = {
  model: 'org/name',
  precision: 'fp8',
  backend: 'vllm',
  version: '0.32.0',
  card: 'MI300X',
  gpuCount: 8,
  setup: 'a',
  kvBytesPerGpu: 96_123_456_789,
  kvTokens: 1_300_000,
  measuredAt: '2026-01-02T03:04:05.678Z',
}

function newRun(endpoint: string) {
  const run = { workflowId: `deploy/${endpoint}`, runId: crypto.randomUUID() }
  const begun = {
    ...run,
    kind: 'deploy',
    endpoint,
    actor: 'anna@gpu-1',
    reason: 'first try',
    request: { model: 'org/name', context: 4096 },
  } as const
  return { run, begin: (records: Records) => records.begin(begun) }
}

function attempt(run: { workflowId: string; runId: string }, number: number, other: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    ...run,
    number,
    recipe: 'mi300x/bf16',
    node: 'gpu-1',
    engine: 'vllm',
    argv: ['/usr/bin/vllm', 'serve', '/models/a b'],
    env: { ROCR_VISIBLE_DEVICES: '0,1' },
    outcome: 'failed',
    failure: 'OutOfMemory',
    logTail: ['torch.OutOfMemoryError'],
    startedAt: '2026-01-02T03:04:05.678Z',
    endedAt: '2026-01-02T03:05:05.678Z',
    ...other,
  }
}

async function pglitePlace(): Promise<Place> {
  const parent = await mkdtemp(join(tmpdir(), 'aim-test-store-'))
  const folder = join(parent, 'database')
  return {
    open: () => openRecords({ databaseUrl: undefined, folder, env: {}, onWarning: failOnWarning }),
    remove: () => rm(parent, { recursive: true }),
  }
}

async function postgresPlace(): Promise<Place> {
  const server = await startPostgres(programs!)
  return {
    open: () => openRecords({ databaseUrl: server.url, folder: '/nonexistent', env: {}, onWarning: failOnWarning }),
    remove: server.stop,
  }
}

function failOnWarning(message: string): never {
  throw new Error(`unexpected warning: ${message}`)
}
