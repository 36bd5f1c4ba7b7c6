import { readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createEngineClient } from '../../../src/adapters/engine-client/index.js'
import { engines } from '../../../src/engines/index.js'
import { pidAlive } from '../../adapters/launchers/process/support.js'
import { waitFor } from '../wait-for.js'
import { createEngineHome, keyOf, type EngineHome } from './home.js'
import { behave, FAILURES, type Behaviour } from './index.js'

const { endpoints, metrics } = engines.vllm
/** The one class of an engine that does not end. */
const SILENT = 'collective_hang_silent'
const client = createEngineClient({ completeMs: 500 })

describe('the test engine, started as vLLM by the real command and launcher', () => {
  test('is up at once, answers as vLLM, counts tokens, and holds its memory until it ends', async () => {
    await using home = await createEngineHome()
    const { url, pid } = await up(home, { gpus: [2, 3] })
    expect(await client.complete(url, 'chat')).toMatchObject({ text: expect.stringContaining('simulated'), tokens: 8 })
    const exposed = await fetch(url + endpoints.metrics).then((answer) => answer.text())
    expect(exposed).toMatch(new RegExp(`^${metrics?.generationTokens}\\{.*\\} 8$`, 'm'))
    for (const name of [metrics?.running, metrics?.waiting, metrics?.finished]) expect(exposed).toContain(`${name}{`)
    expect(await readdir(home.simulated)).toEqual([`${pid}.json`])
    await home.launcher.stop(keyOf(), 2_000)
    expect(await readdir(home.simulated)).toEqual([])
  })

  test('streams, one message a token', async () => {
    await using home = await createEngineHome()
    const { url } = await up(home)
    const body = JSON.stringify({ model: 'chat', prompt: 'a b', max_tokens: 3, stream: true })
    const text = await fetch(`${url}/v1/completions`, { method: 'POST', body }).then((answer) => answer.text())
    expect(text.match(/^data: \{/gm)).toHaveLength(4)
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true)
  })

  test.each(FAILURES.filter((name) => name !== SILENT))('ends as %s, and is read so', async (name) => {
    await using home = await createEngineHome()
    home.engine.next({ failAs: name })
    await home.launcher.launch(keyOf(), home.spec())
    expect((await endOf(home)).failure).toBe(name)
  })

  test('stands still without an end, and its last words are read', async () => {
    await using home = await createEngineHome()
    home.engine.next({ failAs: SILENT })
    await home.launcher.launch(keyOf(), home.spec())
    const logTail = await waitFor('its last words', async () => {
      const lines = await home.launcher.logTail(keyOf(), 5)
      return lines.some((line) => line.includes('nccl')) && lines
    })
    expect(engines.vllm.classify({ code: null, signal: null, stalled: true, logTail }).failure).toBe(SILENT)
  })

  test('fails as often as it is told, and by rules of endpoint and node', async () => {
    await using home = await createEngineHome()
    home.engine.next({ failAs: 'crashed' }, { served: 'another' })
    const rule = home.engine.next({ failAs: 'oom_runtime' }, { served: 'chat', node: 'node' }, 2)
    for (const launch of [1, 2]) {
      await home.launcher.launch(keyOf({ launch }), home.spec())
      expect((await endOf(home, launch)).failure).toBe('oom_runtime')
    }
    await up(home, {}, 3)
    expect(home.engine.uses(rule)).toBe(2)
  })

  test('does not fit a context, and names the one that does; nor on too few GPUs', async () => {
    await using home = await createEngineHome()
    home.engine.next({ maxContext: 4096, needsGpus: 2 })
    await home.launcher.launch(keyOf(), home.spec({ gpus: [0, 1], context: 8192 }))
    expect(await endOf(home)).toMatchObject({ failure: 'oom_kv_len', facts: { maxContext: 4096 } })
    await home.launcher.launch(keyOf({ launch: 2 }), home.spec({ gpus: [0] }))
    expect((await endOf(home, 2)).failure).toBe('oom_weights')
    await up(home, { gpus: [0, 1], context: 4096 }, 3)
  })

  test('finds the memory of another taken', async () => {
    await using home = await createEngineHome()
    await up(home)
    await home.launcher.launch(keyOf({ endpoint: 'other' }), home.spec({ servedName: 'other' }))
    const state = await waitFor('its end', async () => {
      const found = await home.launcher.inspect(keyOf({ endpoint: 'other' }))
      return found.phase === 'exited' && found
    })
    expect(engines.vllm.classify(state).failure).toBe('oom_startup_other_process')
  })

  test('refuses a flag that vLLM does not have', async () => {
    await using home = await createEngineHome()
    await home.launcher.launch(keyOf(), home.spec({ args: { 'max-num-seqs': 'many' } }))
    expect((await endOf(home)).failure).toBe('bad_flag')
  })

  test('starts slowly with words, stands still at its start, and hears a change while it hangs', async () => {
    await using home = await createEngineHome()
    home.engine.next({ startMs: 400 }, { served: 'chat' })
    const { url } = await up(home)
    expect((await home.launcher.logTail(keyOf(), 20)).filter((line) => line.includes('Loading')).length).toBeGreaterThanOrEqual(3)
    for (const hang of ['engine', 'all'] as const) {
      await behave(url, { hang })
      expect(await client.healthy(url, endpoints.alive)).toBe(hang === 'engine')
      await expect(client.complete(url, 'chat')).rejects.toMatchObject({ code: 'EngineNotAnswering' })
    }
    await behave(url, { hang: null })
    expect((await client.complete(url, 'chat')).tokens).toBe(8)

    home.engine.next({ hangAtStart: true })
    await home.launcher.launch(keyOf({ endpoint: 'still' }), home.spec({ gpus: [1] }))
    await delay(300)
    expect(await home.launcher.inspect(keyOf({ endpoint: 'still' }))).toMatchObject({ phase: 'running' })
  }, 60_000)

  test('hangs after so many requests, decodes without end, answers badly', async () => {
    await using home = await createEngineHome()
    const { url } = await up(home, {}, 1, { hangAfter: 1, decoding: 5 })
    await client.complete(url, 'chat')
    await expect(client.complete(url, 'chat')).rejects.toThrow('no answer')
    const generated = async () => Number(/generation_tokens_total\{.*\} (\d+)/.exec(await metricsOf(url))?.[1])
    const before = await generated()
    await waitFor('more tokens', async () => (await generated()) > before)
    await behave(url, { hangAfter: null, answer: 'empty' })
    await expect(client.complete(url, 'chat')).rejects.toThrow('empty')
    await behave(url, { answer: 'error' })
    await expect(client.complete(url, 'chat')).rejects.toThrow('500')
  })

  test('dies after it was up, in the way that it is told', async () => {
    await using home = await createEngineHome()
    await up(home, {}, 1, { dieAfterMs: 300, dieAs: 'gpu_fault' })
    expect((await endOf(home)).failure).toBe('gpu_fault')
    const { url } = await up(home, {}, 2, { dieAfter: 1 })
    await client.complete(url, 'chat')
    await expect(client.complete(url, 'chat')).rejects.toMatchObject({ code: 'EngineNotAnswering' })
    expect(await endOf(home, 2)).toMatchObject({ failure: 'killed' })
  })

  test('ignores SIGTERM, and leaves an orphan when it is killed', async () => {
    await using home = await createEngineHome()
    const { pid } = await up(home, {}, 1, { ignoreTerm: true, orphan: true })
    const [file = ''] = await readdir(home.simulated)
    const orphan = Number.parseInt(file, 10)
    expect(orphan).not.toBe(pid)
    process.kill(pid, 'SIGTERM')
    await delay(200)
    expect(pidAlive(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
    await endOf(home)
    expect(pidAlive(orphan)).toBe(true)
    await home.launcher.stop(keyOf(), 0)
    expect(pidAlive(orphan)).toBe(false)
  })
})

async function up(home: EngineHome, more: Parameters<EngineHome['spec']>[0] = {}, launch = 1, behaviour?: Behaviour) {
  if (behaviour !== undefined) home.engine.next(behaviour)
  const { state } = await home.launcher.launch(keyOf({ launch }), home.spec(more))
  if (state.phase !== 'running') throw new Error(`it does not run: ${JSON.stringify(state)}`)
  await waitFor('its health', () => client.healthy(state.url, endpoints.ready))
  return state
}

async function endOf({ launcher }: EngineHome, launch = 1) {
  return waitFor('its end', async () => {
    const state = await launcher.inspect(keyOf({ launch }))
    return state.phase === 'exited' && { ...engines.vllm.classify(state), code: state.code }
  })
}

const metricsOf = (url: string) => fetch(`${url}/metrics`).then((answer) => answer.text())
