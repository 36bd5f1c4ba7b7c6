import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createRecipes } from '../../../../src/adapters/recipes/create-recipes.js'
import { importFile } from '../../../../src/adapters/recipes/import/import-file.js'
import { writeImported } from '../../../../src/adapters/recipes/import/write-imported.js'
import { FlagCatalogue } from '../../../../src/contracts/flag-catalogue.js'
import type { Card } from '../../../../src/domain/hardware.js'
import { COMMON, folderOf } from '../support.js'

const card = (name: string, arch: string, fp8: Card['fp8']): Card => ({
  name,
  arch,
  deviceIds: [],
  vramBytes: 192 * 2 ** 30,
  bandwidth: null,
  flops: {},
  linkBandwidth: null,
  watts: null,
  fp8,
  mxfp4: false,
})
const cards = [
  card('MI210', 'gfx90a', null),
  card('MI250X', 'gfx90a', null),
  card('MI325X', 'gfx942', 'fnuz'),
  card('PRO W7900', 'gfx1100', null),
]

const catalogueOf = (backend: string, version: string, names: string[], switches: string[]) =>
  FlagCatalogue.parse({
    backend,
    version,
    platform: 'rocm',
    source: 'written for tests',
    flags: [
      ...names.map((name) => ({ name, kind: 'value' })),
      ...switches.map((name) => ({ name, kind: name === 'enforce-eager' ? 'switch' : 'pair' })),
    ],
    values: { 'reasoning-parser': ['qwen3'] },
  })
const VLLM =
  'tensor-parallel-size gpu-memory-utilization max-num-batched-tokens max-num-seqs kv-cache-dtype dtype max-model-len compilation-config distributed-executor-backend tool-call-parser reasoning-parser block-size'.split(
    ' ',
  )
const SWITCHES = [
  'async-scheduling',
  'enable-log-requests',
  'enable-prefix-caching',
  'enable-auto-tool-choice',
  'trust-remote-code',
  'enforce-eager',
]
const catalogues = [
  catalogueOf('vllm', '0.32.0', VLLM, SWITCHES),
  catalogueOf(
    'sglang',
    '0.5.23',
    ['mem-fraction-static', 'chunked-prefill-size', 'context-length', 'tp-size', 'dtype'],
    ['trust-remote-code'],
  ),
]

async function take(text: string, name = 'vllm-mi325x-fp8-tp2-throughput.yaml') {
  const folder = await folderOf({ [name]: text })
  const { recipes, problems } = await importFile(join(folder, name), { cards, catalogues })
  const places = (each: { line: number; field: string; rule: string }[]) => each.map(({ line, field, rule }) => `${line} ${field}: ${rule}`)
  return { recipes, remarks: recipes.flatMap(({ remarks }) => places(remarks)), problems: places(problems) }
}

const PROFILE = `aim_id: example-org/Example-30B
model_id: example-org/Example-30B-FP8
metadata:
  engine: vllm
  gpu: MI325X
  gpu_count: 2
  manual_selection_only: false
  metric: throughput
  precision: fp8
  type: preview
engine_args:
  async-scheduling: null
  compilation-config:
    cudagraph_mode: FULL_DECODE_ONLY
  distributed_executor_backend: mp
  dtype: auto
  enable-auto-tool-choice: null
  enable-log-requests: false
  gpu-memory-utilization: 0.88
  kv-cache-dtype: fp8
  max-model-len: 16384
  max-num-batched-tokens: 4096
  max-num-seqs: 128
  no-enable-prefix-caching: null
  swap-space: 32
  tensor-parallel-size: 2
  tool-call-parser: hermes
env_vars:
  VLLM_ROCM_USE_AITER: '1'
`

describe('an AIM profile', () => {
  test('becomes a recipe of its own weights', async () => {
    const { recipes } = await take(PROFILE)
    expect(recipes).toMatchObject([
      {
        id: 'example-org/Example-30B-FP8/vllm-mi325x-fp8-tp2-throughput',
        recipe: {
          model: 'example-org/Example-30B-FP8',
          precision: 'fp8',
          backend: 'vllm',
          version: '0.32.0',
          format: 'safetensors',
          hardware: { kind: 'gpu', count: 2, cards: ['MI325X'] },
          parallel: { tensor: 2, pipeline: 1, data: 1, expert: false },
          objective: 'throughput',
          context: 16384,
          settings: {
            dtype: 'auto',
            memoryFraction: 0.88,
            kvDtype: 'fp8',
            maxBatchedTokens: 4096,
            maxSequences: 128,
            prefixCache: false,
            toolParser: 'hermes',
          },
          args: {
            'async-scheduling': true,
            'compilation-config': '{"cudagraph_mode":"FULL_DECODE_ONLY"}',
            'distributed-executor-backend': 'mp',
          },
          env: { VLLM_ROCM_USE_AITER: '1' },
          source: expect.stringContaining('of type preview'),
        },
      },
    ])
    expect(Object.keys(recipes[0]!.recipe.args)).toHaveLength(3)
    expect(Object.keys(recipes[0]!.recipe.settings)).toHaveLength(7)
  })

  test('tells everything that it did not take over, each at its line', async () => {
    const { remarks, problems } = await take(PROFILE)
    expect(problems).toEqual([])
    expect(remarks).toEqual([
      '1 aim_id: example-org/Example-30B groups profiles there: the recipe is for example-org/Example-30B-FP8',
      '7 metadata.manual_selection_only: false has no place in a recipe',
      '18 engine_args.enable-log-requests: left out, as a false one is there',
      expect.stringMatching(/^25 engine_args\.swap-space: left out: is no flag of vllm 0\.32\.0/),
    ])
  })

  test('every field is a part of the recipe or a remark: none is dropped silently', async () => {
    const { recipes, remarks } = await take(`${PROFILE}profile_schema_version: 1\nnotes: hello\n`)
    const said = JSON.stringify(recipes[0]!.recipe)
    const silent = ['VLLM_ROCM_USE_AITER', 'hermes', '0.88', '16384', '4096', '128', 'mp'].filter((value) => !said.includes(value))
    expect(silent).toEqual([])
    expect(remarks.some((remark) => remark.includes('notes: has no place in a recipe'))).toBe(true)
  })

  test('says the card in the newer way as well, or in both', async () => {
    const newer = PROFILE.replace(
      'gpu: MI325X\n  gpu_count: 2',
      'accelerator_model: MI325X\n  accelerator_count: 2\n  accelerator_type: gpu',
    )
    expect((await take(newer)).recipes[0]?.recipe.hardware).toEqual({ kind: 'gpu', count: 2, cards: ['MI325X'] })
    const both = PROFILE.replace('gpu: MI325X', 'gpu: MI325X\n  accelerator_model: MI300X')
    expect((await take(both)).problems).toEqual(['6 metadata.accelerator_model: is MI300X, but gpu is MI325X'])
  })

  test('a general one is for any model, and names no precision', async () => {
    const general = PROFILE.replace(/^aim_id.*\nmodel_id.*\n/, '')
    const { recipes, remarks } = await take(general)
    expect(recipes[0]).toMatchObject({ id: 'any/vllm-mi325x-fp8-tp2-throughput', recipe: { model: '*', precision: null } })
    expect(remarks).toContainEqual(expect.stringContaining('metadata.precision: fp8: a recipe for any model names no precision'))
  })

  test('fp4 is mxfp4, and fp16 is run as the bf16 weights that it is made of', async () => {
    const of = async (precision: string) =>
      (await take(PROFILE.replace('precision: fp8', `precision: ${precision}`))).recipes[0]?.recipe.precision
    expect(await of('fp4')).toBe('mxfp4')
    expect(await of('fp16')).toBe('bf16')
  })

  test('a precision that is taken as another, or that the name of the weights contradicts, is told', async () => {
    const { remarks } = await take(PROFILE.replace('precision: fp8', 'precision: fp16'))
    expect(remarks).toContainEqual('9 metadata.precision: fp16 is taken as bf16, the word for all 16-bit floats')
    expect(remarks).toContainEqual('9 metadata.precision: fp16, but the name of example-org/Example-30B-FP8 says fp8: correct one of them')
    const agreed = PROFILE.replace('example-org/Example-30B-FP8', 'example-org/Example-30B-MXFP4-AttnFP8').replace(': fp8', ': fp4')
    for (const text of [PROFILE, agreed]) expect((await take(text)).remarks.join('\n')).not.toMatch(/metadata\.precision/)
    const older = await take(OLDER.replace('precision: bf16', 'precision: fp16'), 'older.yaml')
    expect(older.remarks).toContainEqual('5 precision: fp16 is taken as bf16, the word for all 16-bit floats')
  })

  test('a flag of the name of something in JavaScript is a flag that nobody has', async () => {
    const { recipes, remarks } = await take(
      PROFILE.replace('swap-space: 32', 'constructor: 32').replace('dtype: auto', 'dtype: constructor'),
    )
    expect(recipes[0]?.recipe.args).not.toHaveProperty('constructor', 32)
    expect(remarks).toContainEqual('25 engine_args.constructor: left out: is no flag of vllm 0.32.0')
    expect(remarks).toContainEqual(expect.stringMatching(/^16 engine_args\.dtype: left out: "constructor": /))
    const { problems } = await take(PROFILE.replace('swap-space: 32', '__proto__: { port: 1 }'))
    expect(problems).toEqual(['25 __proto__: is not a known field'])
  })

  test('a variable that would load code is never taken over', async () => {
    const { recipes, remarks } = await take(`${PROFILE}  LD_PRELOAD: /tmp/x.so\n  HIP_VISIBLE_DEVICES: '0'\n`)
    expect(recipes[0]?.recipe.env).toEqual({ VLLM_ROCM_USE_AITER: '1' })
    expect(remarks).toContainEqual('30 env_vars.LD_PRELOAD: left out: would load code that nobody consented to')
    expect(remarks).toContainEqual(expect.stringMatching(/^31 env_vars\.HIP_VISIBLE_DEVICES: left out: is for the lease to say/))
  })

  test('uses all its GPUs when it says no parallelism', async () => {
    const { recipes, remarks } = await take(PROFILE.replace('  tensor-parallel-size: 2\n', ''))
    expect(recipes[0]?.recipe.parallel.tensor).toBe(2)
    expect(remarks).toContainEqual('5 metadata.gpu: no parallelism is said: tensor parallel over all 2 GPUs')
  })

  test('a value that nothing takes, and a flag of several values, are left out and told', async () => {
    const { recipes, remarks } = await take(
      PROFILE.replace('dtype: auto', 'dtype: float8_e4m3').replace('swap-space: 32', 'allowed-origins: [a, b]'),
    )
    expect(recipes[0]?.recipe.settings).not.toHaveProperty('dtype')
    expect(remarks).toContainEqual(expect.stringMatching(/^16 engine_args\.dtype: left out: "float8_e4m3": /))
    expect(remarks).toContainEqual('25 engine_args.allowed-origins: left out: a recipe has no form for a flag of several values')
    const parser = await take(PROFILE.replace('tool-call-parser: hermes', 'reasoning-parser: nobody'))
    expect(parser.recipes[0]?.recipe.settings).not.toHaveProperty('reasoningParser')
    expect(parser.remarks).toContainEqual(expect.stringMatching(/^27 engine_args\.reasoning-parser: left out: /))
  })

  test('a secret is never taken over', async () => {
    const { recipes, remarks } = await take(`${PROFILE}  HF_TOKEN: hf_abc\n`)
    expect(JSON.stringify(recipes[0]?.recipe)).not.toContain('hf_abc')
    expect(remarks).toContainEqual(expect.stringMatching(/^30 env_vars\.HF_TOKEN: left out: /))
  })

  test.each([
    [
      'an engine that we do not run',
      PROFILE.replace('engine: vllm', 'engine: bentoml'),
      /^4 metadata\.engine: there is no backend for bentoml: profiles for vllm and sglang are imported$/,
    ],
    ['another engine that we do not run', PROFILE.replace('engine: vllm', 'engine: vllm_omni'), /no backend for vllm_omni/],
    ['no engine', PROFILE.replace('  engine: vllm\n', ''), /^3 metadata\.engine: is required$/],
    ['a precision that is none of ours', PROFILE.replace('precision: fp8', 'precision: fp32'), /^9 metadata\.precision: /],
    ['no card', PROFILE.replace('  gpu: MI325X\n', ''), /^3 metadata\.gpu: is required/],
    ['no GPUs', PROFILE.replace('gpu_count: 2', 'gpu_count: 0'), /^6 metadata\.gpu_count: must be 1 or more/],
    [
      'a card that is not in the table',
      PROFILE.replace('gpu: MI325X', 'gpu: MI100'),
      /^5 metadata\.gpu: MI100 is not in the hardware table/,
    ],
    [
      'fp8 on a card without it',
      PROFILE.replace('gpu: MI325X', 'gpu: W7900'),
      /^5 metadata\.gpu: PRO W7900 \(gfx1100\) does not compute fp8/,
    ],
    [
      'GPUs that are not used',
      PROFILE.replace('gpu_count: 2', 'gpu_count: 8'),
      /^26 .*tensor-parallel-size: tensor x pipeline x data is 2/,
    ],
    ['a context that is no number', PROFILE.replace('16384', 'long'), /^21 engine_args\.max-model-len: /],
    ['arguments that are a list', PROFILE.replace(/engine_args:[^]*env_vars/, 'engine_args: [a]\nenv_vars'), /^11 engine_args: /],
    ['another format', 'kind: Pod\nmetadata2: {}\n', /is neither an AIM profile/],
    ['no YAML', 'a: [', /YAML: /],
  ])('%s is refused by its field', async (_name, text, expected) => {
    const { recipes, problems } = await take(text)
    expect(recipes).toEqual([])
    expect(problems.join('\n')).toMatch(expected)
  })
})

const OLDER = `recipe_id: example-30b-mi325x-bf16
model_id: example-org/Example-30B
huggingface_id: example-org/Example-30B
hardware: MI325X
precision: bf16
vllm_serve:
  1_gpu:
    enabled: false
  "2_gpu":
    enabled: true
    args:
      --model: example-org/Example-30B
      --dtype: bfloat16
      --tensor-parallel-size: '2'
      --max-num-batched-tokens: '4096'
      --max-model-len: '16384'
      --gpu-memory-utilization: '0.85'
      --trust-remote-code: 'true'
      --enforce-eager: 'false'
      --max-batch-size: '6'
      --port: '8000'
sglang_serve:
  2_gpu:
    enabled: true
    args:
      --model: example-org/Example-30B
      --tensor-parallel-size: '2'
      --gpu-memory-utilization: '0.85'
      --max-num-batched-tokens: '2048'
`

describe('a recipe_id file', () => {
  test('becomes a recipe for each engine and number of GPUs that is enabled', async () => {
    const { recipes, problems } = await take(OLDER, 'older.yaml')
    expect(problems).toEqual([])
    expect(recipes.map(({ id }) => id)).toEqual([
      'example-org/Example-30B/example-30b-mi325x-bf16-2-vllm',
      'example-org/Example-30B/example-30b-mi325x-bf16-2-sglang',
    ])
    expect(recipes[0]?.recipe).toMatchObject({
      model: 'example-org/Example-30B',
      precision: 'bf16',
      hardware: { kind: 'gpu', count: 2, cards: ['MI325X'] },
      parallel: { tensor: 2 },
      context: 16384,
      settings: { dtype: 'bfloat16', maxBatchedTokens: 4096, memoryFraction: 0.85, trustRemoteCode: true },
      args: {},
    })
    expect(recipes[1]?.recipe).toMatchObject({
      backend: 'sglang',
      version: '0.5.23',
      settings: { memoryFraction: 0.85, maxBatchedTokens: 2048 },
    })
  })

  test('tells what it left out, and what means another thing now', async () => {
    const { remarks } = await take(OLDER, 'older.yaml')
    expect(remarks).toEqual([
      '12 vllm_serve.2_gpu.args.--model: is said by `model`',
      '19 vllm_serve.2_gpu.args.--enforce-eager: left out, as a false one is there',
      '21 vllm_serve.2_gpu.args.--port: is said by the launcher',
      expect.stringMatching(/^20 vllm_serve\.2_gpu\.args\.--max-batch-size: left out: is no flag of vllm 0\.32\.0/),
      '26 sglang_serve.2_gpu.args.--model: is said by `model`',
      "28 sglang_serve.2_gpu.args.--gpu-memory-utilization: is vLLM's name: taken as SGLang's share for weights and KV cache",
    ])
  })

  test.each([
    ['a field that nobody knows', `${OLDER}owner: me\n`, /^30 owner: is not a known field/],
    ['a key that is no number of GPUs', OLDER.replace('1_gpu', 'one_gpu'), /^7 vllm_serve\.one_gpu: must be like 8_gpu/],
    [
      'another model in its arguments',
      OLDER.replace('--model: example-org/Example-30B', '--model: other/Model'),
      /^12 .*--model: is other\/Model, but/,
    ],
    [
      'a card with another name',
      OLDER.replace('hardware: MI325X', 'hardware: MI250'),
      /^4 hardware: MI250 is not in the hardware table: say MI250X, its word for MI250 and MI250X/,
    ],
    ['nothing enabled', OLDER.replaceAll('enabled: true', 'enabled: false'), /enables no number of GPUs/],
    ['no weights', OLDER.replace(/huggingface_id.*\n/, ''), /^1 huggingface_id: is required/],
  ])('%s is refused by its field', async (_name, text, expected) => {
    expect((await take(text, 'older.yaml')).problems.join('\n')).toMatch(expected)
  })

  test('what is wrong with one number of GPUs stops no other', async () => {
    const { recipes, problems } = await take(OLDER.replace("--tensor-parallel-size: '2'", "--tensor-parallel-size: '4'"), 'older.yaml')
    expect(recipes.map(({ id }) => id)).toEqual(['example-org/Example-30B/example-30b-mi325x-bf16-2-sglang'])
    expect(problems).toEqual([expect.stringMatching(/^14 vllm_serve\.2_gpu\.args\.--tensor-parallel-size: tensor x pipeline x data is 4/)])
  })
})

test('what is written is a recipe that the search path takes, and no file is overwritten', async () => {
  const { recipes } = await take(PROFILE)
  const folder = await folderOf({})
  const file = await writeImported(folder, recipes[0]!)
  expect(file).toBe(join(folder, 'example-org/Example-30B-FP8/vllm-mi325x-fp8-tp2-throughput.yaml'))
  expect(await writeImported(folder, recipes[0]!)).toBeNull()
  const ours = await folderOf({
    ...COMMON,
    'hardware.yaml': COMMON['hardware.yaml'].replace('name: MI300X', 'name: MI325X'),
    'engines/vllm-0.32.0.json': JSON.stringify(catalogues[0]),
  })
  const read = await createRecipes({ ours, user: [folder] }).all()
  const { id, origin, file: from, ...rest } = read[0]!
  expect({ id, origin, from }).toEqual({ id: recipes[0]!.id, origin: 'user', from: file })
  expect(rest).toEqual(recipes[0]!.recipe)
})

test('an id that leads out of the folder is refused, and nothing is written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'aim-import-'))
  try {
    const outside = join(folder, 'outside')
    const draft = { id: '../outside/x', recipe: {} } as unknown as Parameters<typeof writeImported>[1]
    await expect(writeImported(join(folder, 'recipes'), draft)).rejects.toMatchObject({ code: 'InvalidInput' })
    await expect(readdir(outside)).rejects.toMatchObject({ code: 'ENOENT' })
  } finally {
    await rm(folder, { recursive: true })
  }
})
