import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { createEngineClient } from '../../src/adapters/engine-client/index.js'
import { engines } from '../../src/engines/index.js'
import { createHome, keyOf, running } from '../adapters/launchers/process/support.js'
import { command, sglangSpec } from '../support/sglang-launch.js'

const INSTALLER = fileURLToPath(new URL('../support/sglang/install.mjs', import.meta.url))
/** Importing the parser takes seconds, on a busy machine many. */
const WAIT = { timeout: 60_000, interval: 50 }

let env: NodeJS.ProcessEnv

/** SGLang's own argument parser: the one part of it that works without a GPU. */
beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [INSTALLER])
  const { python, env: more } = JSON.parse(stdout) as { python: string; env: Record<string, string> }
  env = { ...process.env, ...more, SGLANG_STAND_IN_PYTHON: python }
}, 1_800_000)

// What serves is a stand-in, because SGLang needs a GPU to start. What reads the flags is SGLang.
test('what we launch SGLang with is taken by its own parser', async () => {
  await using home = await createHome({ command, env })
  const { url } = running((await home.launcher.launch(keyOf(), await sglangSpec(home.dir))).state)
  const client = createEngineClient({ healthMs: engines.sglang.endpoints.aliveSeconds * 1_000 })
  await expect.poll(() => client.healthy(url, '/ready'), WAIT).toBe(true)
  expect(await client.complete(url, 'chat')).toMatchObject({ text: expect.stringContaining('simulated') })
  const { context_length, tp_size, kv_cache_dtype } = await serverInfo(url)
  expect({ context_length, tp_size, kv_cache_dtype }).toEqual({ context_length: 8192, tp_size: 2, kv_cache_dtype: 'fp8_e4m3' })
  expect(await readFile(join(home.folder(keyOf()), 'engine.log'), 'utf8')).toContain("checked by SGLang's own parser")
})

test.each([
  ['a flag that it does not have', ['--swap-space', '4'], /unrecognized arguments: --swap-space 4$/],
  ['an abbreviation that has become ambiguous', ['--cuda-graph-max-bs', '16'], /ambiguous option: --cuda-graph-max-bs could match/],
  ['a value that it does not take', ['--kv-cache-dtype', 'fp8'], /argument --kv-cache-dtype: invalid choice: 'fp8'/],
])('%s is refused by its parser, in words that we read', async (_, flags, words) => {
  await using home = await createHome({
    env,
    command: (spec, bind) => {
      const engine = command(spec, bind)
      return { ...engine, argv: [...engine.argv, ...flags] }
    },
  })
  await home.launcher.launch(keyOf(), await sglangSpec(home.dir))
  await expect.poll(async () => (await home.launcher.inspect(keyOf())).phase, WAIT).toBe('exited')
  const end = await home.launcher.inspect(keyOf())
  if (end.phase !== 'exited') throw new Error('it runs again')
  expect(end.code).toBe(2)
  expect(engines.sglang.classify(end)).toMatchObject({ failure: 'bad_flag', lastLine: expect.stringMatching(words) })
})

async function serverInfo(url: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`${url}/server_info`)).json()) as Record<string, unknown>
}
