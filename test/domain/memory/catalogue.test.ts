import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { CatalogueFile } from '../../../src/contracts/catalogue-file.js'
import { kvBytesPerToken } from '../../../src/domain/memory/kv.js'
import { weightBytesPerGpu } from '../../../src/domain/memory/weights.js'
import { parallelismProblem } from '../../../src/domain/parallelism.js'
import { alone } from './arbitrary.js'

const FOLDER = fileURLToPath(new URL('../../../recipes/models', import.meta.url))

/** Bytes a token in 16 bits on one GPU; of gpt-oss and Llama 4 those of layers that keep every token (half, a quarter of the upper bound). */
const KV: Record<string, number> = {
  'DeepSeek-R1': 70_272,
  'DeepSeek-V3': 70_272,
  'Llama-3.1-405B': 516_096,
  'Llama-3.3-70B': 327_680,
  'Llama-4-Maverick': 196_608 / 4,
  'Llama-4-Scout': 196_608 / 4,
  'Qwen3-32B': 262_144,
  'Qwen3-235B-A22B': 192_512,
  'gpt-oss-120b': 73_728 / 2,
  'gpt-oss-20b': 49_152 / 2,
  'Mixtral-8x22B': 229_376,
  'Kimi-K2': 70_272,
  'Qwen2.5-7B': 57_344,
  'Qwen3-8B': 147_456,
}

const catalogue = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .toSorted()
  .map((path) => CatalogueFile.parse(parse(readFileSync(join(FOLDER, path), 'utf8'))))

test.each(Object.entries(KV))('%s of the catalogue costs %d bytes a token', (name, bytes) => {
  const model = catalogue.find((each) => each.name === name)
  expect(model?.shape && kvBytesPerToken(model.shape, alone, 2)).toBe(bytes)
})

test.each(catalogue)('the shape of $name agrees with itself', ({ shape, variants }) => {
  const { experts, parameters, hidden, attention, windowed, layers } = shape
  expect(parameters.active).toBeLessThanOrEqual(parameters.total)
  expect(windowed?.layers ?? 0).toBeLessThanOrEqual(layers)
  expect(attention.kind === 'latent' ? 0 : attention.heads % attention.kvHeads).toBe(0)
  expect(parameters.experts).toBe((experts?.layers ?? 0) * (experts?.total ?? 0) * 3 * hidden * (experts?.intermediate ?? 0))
  for (const variant of variants) {
    expect(parallelismProblem(shape, variant.block, alone, 'vllm')).toBeNull()
    expect(weightBytesPerGpu(shape, variant, alone) / variant.weightBytes).toBeCloseTo(1, 2)
  }
})
