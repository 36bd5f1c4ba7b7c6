import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { sleeper } from './sleeper.js'
import { obtainTestServer, timeSkippingServer } from './time-skipping.js'

type Way = (folder: string) => Promise<void>

const DAY_MS = 86_400_000

Runtime.install({ logger: new DefaultLogger('ERROR') })

test('a workflow that sleeps 30 days ends in seconds', { timeout: 400_000 }, async ({ skip }) => {
  const server = await timeSkippingServer()
  if ('skipped' in server) return skip(server.skipped)
  const { environment } = server
  onTestFinished(() => environment.teardown())
  const worker = await Worker.create({
    connection: environment.nativeConnection,
    taskQueue: 'sleepers',
    workflowsPath: fileURLToPath(new URL('./sleeper.ts', import.meta.url)),
  })
  const slept = await worker.runUntil(environment.client.workflow.execute(sleeper, { workflowId: 'sleeper', taskQueue: 'sleepers' }))
  expect(slept).toBeGreaterThanOrEqual(30 * DAY_MS)
  expect(slept).toBeLessThan(31 * DAY_MS)
})

test('a machine that cannot have the server says why, once, and keeps nothing half-made', async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), 'aim-test-skipping-'))
  onTestFinished(() => rm(cacheDir, { recursive: true }))
  const ways = [
    vi.fn<Way>(() => Promise.reject(new Error('no network'))),
    vi.fn<Way>(() => Promise.reject(new Error('java is not installed'))),
  ]
  const expected = { skipped: 'no time-skipping server: no network; java is not installed' }
  await expect(Promise.all([obtainTestServer(cacheDir, ways), obtainTestServer(cacheDir, ways)])).resolves.toEqual([expected, expected])
  expect(ways.map((way) => way.mock.calls.length)).toEqual([1, 1])
  expect((await readdir(join(cacheDir, 'temporal-test-server'))).toSorted()).toEqual(['failure', 'lock'])
})
