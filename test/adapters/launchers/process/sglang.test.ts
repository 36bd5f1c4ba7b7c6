import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createEngineClient } from '../../../../src/adapters/engine-client/index.js'
import { engines } from '../../../../src/engines/index.js'
import { command, sglangSpec } from '../../../support/sglang-launch.js'
import { createHome, keyOf, marked, pidAlive, running, until } from './support.js'

const { endpoints, metrics } = engines.sglang
/** Its /health generates a token: an answer takes a second, and up to twenty. */
const client = createEngineClient({ healthMs: endpoints.aliveSeconds * 1_000 })

/**
 * SGLang 0.5.23 cannot start without a GPU, and only therefore a program stands in for it: with SGLang's flags, checked here by the
 * catalogue that its parser gave (by the parser itself in test/engines-e2e), its endpoints and its log marks. The command, the launcher and
 * the client are ours, and no mock.
 */
describe('SGLang, which a program stands in for', () => {
  test('is launched by the real command, proved by a completion, and stopped without a trace', async () => {
    await using home = await createHome({ command })
    const { state, argv, env } = await home.launcher.launch(keyOf(), await sglangSpec(home.dir))
    const { url, port, pid } = running(state)
    expect(argv).toEqual(expect.arrayContaining(['serve', '--port', String(port), '--tp-size', '2', '--kv-cache-dtype', 'fp8_e4m3']))
    expect(env).toMatchObject({ HIP_VISIBLE_DEVICES: '4,5', SGLANG_USE_AITER: '1', HF_HUB_OFFLINE: '1' })

    await until(() => answers(url, 503), 'its port, while it starts')
    expect(await client.healthy(url, '/ready')).toBe(false)
    await until(() => client.healthy(url, '/ready'), 'its health')
    expect(await client.complete(url, 'chat')).toMatchObject({ text: expect.stringContaining('simulated'), tokens: 4 })

    const log = await readFile(join(home.folder(keyOf()), 'engine.log'), 'utf8')
    expect(log).toContain('The server is fired up and ready to roll!')
    expect(log).toContain('simulated devices: 4,5')
    expect(engines.sglang.readMemory(log.split('\n'))).toBeNull() // nothing that it makes up is taken for a measurement

    const processes = await marked(home.dir)
    expect(processes).toContain(pid)
    expect(processes.length).toBeGreaterThanOrEqual(3) // it and a scheduler for each rank
    await home.launcher.stop(keyOf(), 5_000)
    expect(await marked(home.dir)).toEqual([])
    expect(processes.filter(pidAlive)).toEqual([])
    expect(await home.launcher.inspect(keyOf())).toEqual({ phase: 'absent' })
    expect(await client.healthy(url, '/ready')).toBe(false)
  })

  test('answers on each path that we know of it, and exposes the metrics that we read', async () => {
    await using home = await createHome({ command })
    const { url } = running((await home.launcher.launch(keyOf(), await sglangSpec(home.dir))).state)
    await until(() => answers(url, 200), 'its readiness')
    await client.complete(url, 'chat')
    const get = (path: string) => fetch(url + path).then((answer) => answer.text())
    expect(JSON.parse(await get(endpoints.models))).toMatchObject({ data: [{ id: 'chat', max_model_len: 8192 }] })
    expect(JSON.parse(await get('/model_info'))).toMatchObject({ served_model_name: 'chat', simulated: true })
    expect(JSON.parse(await get('/server_info'))).toMatchObject({ mem_fraction_static: expect.anything(), version: 'simulated' })
    const exposed = await get(endpoints.metrics ?? '')
    expect(exposed).toMatch(new RegExp(`^${metrics?.generationTokens}\\{.*\\} 4$`, 'm'))
    expect(exposed).toMatch(new RegExp(`^${metrics?.finished}\\{.*\\} 1$`, 'm'))
    for (const name of [metrics?.running, metrics?.waiting, metrics?.kvUse, metrics?.promptTokens]) expect(exposed).toContain(`${name}{`)
  })

  test('that is given a flag it does not have ends with its parser’s word, which we can read', async () => {
    await using home = await createHome({ command: (spec, bind) => withFlags(command(spec, bind), '--swap-space', '4') })
    const { failure, lastLine, code } = await endOf(home, await sglangSpec(home.dir))
    expect({ failure, lastLine, code }).toEqual({
      failure: 'bad_flag',
      lastLine: 'sglang serve: error: unrecognized arguments: --swap-space',
      code: 2,
    })
  })

  test('that finds no model ends with a class that says so', async () => {
    await using home = await createHome({ command })
    const spec = await sglangSpec(home.dir)
    await rm(join(spec.modelPath, 'config.json'))
    expect(await endOf(home, spec)).toMatchObject({ failure: 'missing_model', lastLine: expect.stringContaining(spec.modelPath), code: 1 })
  })

  test('leaves nothing when it is killed, though its schedulers outlive it', async () => {
    await using home = await createHome({ command })
    const { pid, url } = running((await home.launcher.launch(keyOf(), await sglangSpec(home.dir))).state)
    await until(() => answers(url, 200), 'its readiness')
    process.kill(pid, 'SIGKILL')
    await until(async () => (await home.launcher.inspect(keyOf())).phase === 'exited', 'its end')
    await home.launcher.stop(keyOf(), 0)
    expect(await marked(home.dir)).toEqual([])
  })
})

async function endOf({ launcher }: Awaited<ReturnType<typeof createHome>>, spec: Awaited<ReturnType<typeof sglangSpec>>) {
  await launcher.launch(keyOf(), spec)
  const end = await until(async () => {
    const state = await launcher.inspect(keyOf())
    return state.phase === 'exited' && state
  }, 'its end')
  return { ...engines.sglang.classify(end), code: end.code }
}

function withFlags<T extends { argv: [string, ...string[]] }>(engine: T, ...flags: string[]): T {
  return { ...engine, argv: [...engine.argv, ...flags] }
}

/** True when its readiness is answered with this status. */
async function answers(url: string, status: number): Promise<boolean> {
  return fetch(url + endpoints.ready).then(
    (answer) => answer.status === status,
    () => false, // not listening yet
  )
}
