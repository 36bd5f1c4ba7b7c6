import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pathsOf } from '../../src/config/paths.js'
import type { CacheFlow, CacheSchedule, RefreshResult, WarmResult } from '../../src/contracts/cache-flows.js'
import { temporaryFolder, writeSampleModel } from '../support/sample-model.js'
import { Stack } from '../support/stack.js'

const MODEL = 'org/sample'
const BYTES = 3_000_000

let stack: Stack
let hub: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  hub = await temporaryFolder()
  await writeSampleModel(hub.path, MODEL, BYTES)
  stack = await Stack.create({ AIM_HUB_DIR: hub.path })
  await stack.up()
}, 600_000)
afterAll(async () => {
  await stack.destroy()
  await hub.remove()
}, 60_000)

async function aim<T>(...argv: string[]): Promise<T> {
  const { code, stdout, stderr } = await stack.aim('cache', ...argv, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as T
}

/** Weights as they lie in the snapshot that `main` names here. */
function cached(): { commit: string; weights: Buffer } {
  const repository = join(pathsOf(stack.settings(), stack.env).hubCache, 'models--org--sample')
  const commit = readFileSync(join(repository, 'refs', 'main'), 'utf8')
  return { commit, weights: readFileSync(join(repository, 'snapshots', commit, 'model.safetensors')) }
}

test('a model is warmed on a real node, and is a hit the next time', async () => {
  const first = await aim<WarmResult>('warm', MODEL)
  expect(first).toMatchObject({ outcome: 'warmed', repo: MODEL, outsideBytes: first.bytes, nodes: [{ nodeId: 'e2e', outcome: 'miss' }] })
  const { commit, weights } = cached()
  expect(commit).toBe(first.commit)
  expect(weights.equals(readFileSync(join(hub.path, MODEL, 'model.safetensors')))).toBe(true)
  expect(await aim<WarmResult>('warm', MODEL, '--verify')).toMatchObject({ nodes: [{ outcome: 'hit', fetchedBytes: 0 }] })
})

test('a refresh brings what changed on the hub, and proves what lies in the cache', async () => {
  const before = cached()
  const changed = randomBytes(BYTES)
  writeFileSync(join(hub.path, MODEL, 'model.safetensors'), changed)
  const result = await aim<RefreshResult>('refresh')
  expect(result).toMatchObject({ outcome: 'refreshed', followed: [{ model: MODEL, ref: 'main', outcome: 'warmed', nodes: ['e2e'] }] })
  expect(cached().commit).not.toBe(before.commit)
  expect(cached().weights.equals(changed)).toBe(true)
  expect(result.nodes).toMatchObject([{ nodeId: 'e2e', outcome: 'done', verified: { bad: 0 } }])
  expect(result.nodes[0]?.verified?.checkedBytes).toBeGreaterThanOrEqual(2 * BYTES)
  expect(await aim<RefreshResult>('refresh')).toMatchObject({ unchanged: 1, followed: [] })
})

test('a byte that went bad is found and mended', async () => {
  const { commit, weights } = cached()
  const repository = join(pathsOf(stack.settings(), stack.env).hubCache, 'models--org--sample')
  const path = join(repository, 'snapshots', commit, 'model.safetensors')
  const wrong = Buffer.from(weights)
  wrong[1_000] = (wrong[1_000] ?? 0) ^ 1
  writeFileSync(path, wrong)
  const result = await aim<WarmResult>('warm', MODEL, '--verify')
  expect(result.outcome).toBe('warmed')
  expect(cached().weights.equals(weights)).toBe(true)
})

test('a schedule is set, shown and ended, and the flows are listed', async () => {
  expect(await aim<CacheSchedule>('schedule', '--every', '6h', '--no-evict')).toMatchObject({
    every: 21_600_000,
    request: { evict: false },
  })
  expect(await aim<CacheSchedule>('schedule')).toMatchObject({ id: 'aim-cache-refresh', paused: false })
  const { stderr } = await stack.aim('cache', 'schedule', '--off')
  expect(stderr).toContain('the schedule was ended')
  const flows = await aim<CacheFlow[]>('flows')
  expect(new Set(flows.map(({ type }) => type))).toEqual(new Set(['warmCache', 'refreshCache']))
  expect(flows.every(({ running, state }) => !running && ['warmed', 'refreshed'].includes(state))).toBe(true)
})

test('a model that does not exist is told with the code of the hub, and leaves nothing', async () => {
  const { code, stderr } = await stack.aim('cache', 'warm', 'org/nothing')
  expect(code).toBe(5)
  expect(stderr).toContain('org/nothing does not exist')
  const { partials } = pathsOf(stack.settings(), stack.env)
  expect(existsSync(partials) ? readdirSync(partials) : []).toEqual([])
})
