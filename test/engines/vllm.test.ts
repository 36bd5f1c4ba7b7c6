import { describe, expect, test } from 'vitest'
import type { EngineSpec } from '../../src/domain/engine.js'
import { engines } from '../../src/engines/index.js'

const tools = { node: '/usr/bin/node', llamacppServer: '/aim/main.js', vllm: '/opt/vllm/bin/vllm' }
const bind = { host: '127.0.0.1', port: 8100 }
const spec: EngineSpec = { backend: 'vllm', servedName: 'chat', modelPath: '/hub/snapshots/abc', gpus: [], args: {}, env: {} }
const OFFLINE = { HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1', VLLM_DO_NOT_TRACK: '1' }

const commandOf = (more: Partial<EngineSpec>) => engines.vllm.command({ ...spec, ...more }, tools, bind)
const flagsOf = (more: Partial<EngineSpec>) => commandOf(more).argv.slice(9)

describe('the command of vLLM', () => {
  test('serves the snapshot under one name on one address, offline and untracked', () => {
    expect(commandOf({})).toEqual({
      argv: ['/opt/vllm/bin/vllm', 'serve', '/hub/snapshots/abc', '--served-model-name', 'chat', '--host', '127.0.0.1', '--port', '8100'],
      env: OFFLINE,
    })
  })

  test('uses the granted GPUs and no others, one rank each', () => {
    const { argv, env } = commandOf({ gpus: [4, 5, 6, 7], env: { HIP_VISIBLE_DEVICES: '0' } })
    expect(argv.slice(9)).toEqual(['--tensor-parallel-size', '4'])
    expect(env['HIP_VISIBLE_DEVICES']).toBe('4,5,6,7')
    expect(commandOf({}).env).not.toHaveProperty('HIP_VISIBLE_DEVICES')
  })

  test('lets a recipe split the GPUs in another way', () => {
    const args = { 'tensor-parallel-size': 2, 'pipeline-parallel-size': 2 }
    expect(flagsOf({ gpus: [0, 1, 2, 3], args })).toEqual(['--tensor-parallel-size', '2', '--pipeline-parallel-size', '2'])
  })

  test('what was asked for goes before what the recipe says', () => {
    expect(flagsOf({ context: 4096, args: { 'max-model-len': 8192 } })).toEqual(['--max-model-len', '4096'])
    expect(flagsOf({ args: { 'max-model-len': 8192 } })).toEqual(['--max-model-len', '8192'])
  })

  test('renders flags by name: a switch, nothing for false, and a value with a dash joined to its flag', () => {
    const args = { 'max-num-seqs': 4, 'enforce-eager': true, 'enable-eplb': false, dtype: 'bfloat16', 'kv-offset': '-1' }
    expect(flagsOf({ args })).toEqual(['--dtype', 'bfloat16', '--enforce-eager', '--kv-offset=-1', '--max-num-seqs', '4'])
  })

  test('keeps the environment of the recipe', () => {
    expect(commandOf({ env: { VLLM_ROCM_USE_AITER: '1' } }).env).toEqual({ ...OFFLINE, VLLM_ROCM_USE_AITER: '1' })
  })

  test('is refused on a node without vLLM, with what to do', () => {
    expect(() => engines.vllm.command(spec, { ...tools, vllm: null }, bind)).toThrow(
      expect.objectContaining({ code: 'BackendMissing', fix: expect.stringContaining('AIM_VLLM_BIN') }),
    )
  })

  test.each(['host', 'port', 'model', 'served-model-name', 'api-key', 'hf-token', '--dtype', 'Dtype', 'a b', 'x=1', '-tp', ''])(
    'refuses the flag %j',
    (name) => {
      expect(() => commandOf({ args: { [name]: 'x' } })).toThrow(
        expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field: `args.${name}` }) }),
      )
    },
  )

  test.each(['HF_TOKEN', 'VLLM_API_KEY', 'AWS_SECRET_ACCESS_KEY', 'AIM_ENGINE_KEY', 'A B', '1A', ''])('refuses the variable %j', (name) => {
    expect(() => commandOf({ env: { [name]: 'x' } })).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field: `env.${name}` }) }),
    )
  })

  test.each(['tokenizer', 'tokenizer-mode', 'max-num-batched-tokens'])('%s is no secret', (name) => {
    expect(flagsOf({ args: { [name]: 'x' } })).toEqual([`--${name}`, 'x'])
  })
})
