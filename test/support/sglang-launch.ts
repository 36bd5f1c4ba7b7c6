import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EngineSpec } from '../../src/domain/engine.js'
import { commandWith } from '../../src/engines/index.js'

/** Takes SGLang's place as the program; everything before and after it is ours and real. */
const STAND_IN = fileURLToPath(new URL('sglang-stand-in.mjs', import.meta.url))

export const command = commandWith({ node: process.execPath, llamacppServer: '/nowhere', vllm: null, sglang: STAND_IN })

/** A spec on two GPUs with most of what a recipe can say, and a folder that looks like weights. */
export async function sglangSpec(dir: string, more: Partial<EngineSpec> = {}): Promise<EngineSpec> {
  const modelPath = join(dir, 'snapshot')
  await mkdir(modelPath, { recursive: true })
  await writeFile(join(modelPath, 'config.json'), '{}')
  return {
    backend: 'sglang',
    servedName: 'chat',
    modelPath,
    context: 8192,
    gpus: [4, 5],
    parallel: { tensor: 2, pipeline: 1, data: 1, expert: false },
    settings: { memoryFraction: 0.85, kvDtype: 'fp8', maxBatchedTokens: 4096, maxSequences: 64, graphs: false, attentionBackend: 'triton' },
    args: {},
    env: { SGLANG_USE_AITER: '1' },
    ...more,
  }
}
