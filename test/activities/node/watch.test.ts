import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { CancelledFailure } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { afterEach, expect, test } from 'vitest'
import { checkActivities } from '../../../activities/node/check.js'
import { watchActivities } from '../../../activities/node/watch.js'
import { createEngineClient } from '../../../src/adapters/engine-client/index.js'
import type { EngineKey, EngineSpec, EngineState } from '../../../src/domain/engine.js'
import type { EngineLauncher } from '../../../src/ports/engine-launcher.js'

const HANG_MS = 1_200
const PROGRAM = fileURLToPath(new URL('small-engine.mjs', import.meta.url))
const key: EngineKey = { namespace: 'n', endpoint: 'chat', replica: 0, fence: 1, launch: 1 }
const spec: EngineSpec = {
  backend: 'vllm',
  servedName: 'chat',
  modelPath: '/weights',
  gpus: [],
  parallel: { tensor: 1, pipeline: 1, data: 1, expert: false },
  settings: {},
  args: {},
  env: {},
}

let child: ChildProcess | undefined
afterEach(async () => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
})

/** A process of its own, and the launcher's words about it. */
async function start(kind: 'busy' | 'idle' | 'plain' | 'stuck') {
  child = spawn(process.execPath, [PROGRAM, kind], { stdio: ['ignore', 'pipe', 'inherit'] })
  const engine = child
  const [port] = (await once(engine.stdout!, 'data')) as [Buffer]
  const url = `http://127.0.0.1:${port.toString().trim()}`
  const inspect = async (): Promise<EngineState> => {
    const { exitCode: code, signalCode: signal } = engine
    if (code === null && signal === null)
      return { phase: 'running', pid: engine.pid ?? 0, url, port: Number(port), since: '', adopted: false }
    return { phase: 'exited', code, signal, logTail: ['HIP out of memory'], endedAt: null }
  }
  const launcher = { inspect, logTail: async () => ['INFO vLLM is using nccl==2.21'] } as unknown as EngineLauncher
  return { engine, ports: { launcher, client: createEngineClient({ healthMs: 300 }), hangMs: HANG_MS } }
}

function watch({ ports }: Awaited<ReturnType<typeof start>>) {
  const environment = new MockActivityEnvironment()
  const end = environment.run(watchActivities(ports).watchEngine, { key, spec })
  end.catch(() => undefined)
  return { environment, end }
}

const passes = (ms: number) => new Promise<'nothing'>((resolve) => setTimeout(() => resolve('nothing'), ms))

test('an engine that is killed is found within a second, with its end and class', async () => {
  const started = await start('idle')
  const { end } = watch(started)
  await passes(300)
  const killed = performance.now()
  started.engine.kill('SIGKILL')
  expect(await end).toEqual({ how: 'exited', why: 'engine ended: SIGKILL', failure: 'oom_runtime', logTail: ['HIP out of memory'] })
  expect(performance.now() - killed).toBeLessThan(1_000)
})

test('an engine that is idle and answers is watched on, without end', async () => {
  const { end, environment } = watch(await start('idle'))
  expect(await Promise.race([end, passes(3 * HANG_MS)])).toBe('nothing')
  environment.cancel()
  await expect(end).rejects.toBeInstanceOf(CancelledFailure)
})

test('an engine that stands still, its process alive, is found within the set time', async () => {
  const started = await start('idle')
  const { end } = watch(started)
  await passes(HANG_MS / 2)
  const stopped = performance.now()
  started.engine.kill('SIGSTOP')
  expect(await end).toMatchObject({ how: 'hung', failure: 'collective_hang_silent', why: expect.stringMatching(/^engine hangs: no token/) })
  expect(performance.now() - stopped).toBeLessThan(2 * HANG_MS)
})

test('an engine whose only place is taken is not dead while its tokens advance, and is when they do not', async () => {
  expect(await Promise.race([watch(await start('busy')).end, passes(3 * HANG_MS)])).toBe('nothing')
  child?.kill('SIGKILL')
  const { end } = watch(await start('stuck'))
  expect(await end).toMatchObject({ how: 'hung', why: expect.stringContaining('with 1 requests running') })
})

test('an engine that tells nothing of its load is asked, and may take longer', async () => {
  expect(await Promise.race([watch(await start('plain')).end, passes(3 * HANG_MS)])).toBe('nothing')
})

test('a check tells the process, its health, its load and an inference, each on its own', async () => {
  const { engine, ports } = await start('idle')
  const check = () => new MockActivityEnvironment().run(checkActivities(ports).checkReplica, { key, spec })
  expect(await check()).toMatchObject({
    process: 'running',
    pid: engine.pid,
    healthy: true,
    load: { running: 0 },
    inference: { tokens: 1 },
    verdict: 'serving',
  })
  engine.kill('SIGSTOP')
  expect(await check()).toMatchObject({
    healthy: false,
    load: null,
    inference: { failed: 'no answer within 1.2 s' },
    verdict: 'failing',
    why: 'it says that it is not well; a request: no answer within 1.2 s',
  })
  engine.kill('SIGKILL')
  await once(engine, 'exit')
  expect(await check()).toMatchObject({ process: 'exited', verdict: 'gone' })
})

test('a check of a busy engine says so, and leaves the judgement to its watch', async () => {
  const { ports } = await start('busy')
  const found = await new MockActivityEnvironment().run(checkActivities(ports).checkReplica, { key, spec })
  expect(found).toMatchObject({ verdict: 'busy', why: '1 requests are running; ours: no answer within 1.2 s' })
})
