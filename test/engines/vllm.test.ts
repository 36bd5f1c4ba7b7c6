import { describe, expect, test } from 'vitest'
import type { EngineSettings, EngineSpec, Parallelism } from '../../src/domain/engine.js'
import { engines } from '../../src/engines/index.js'
import { BIND, SPEC, TOOLS, gpus } from './specs.js'

const OFFLINE = { HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1', VLLM_DO_NOT_TRACK: '1' }
const GIB = 2 ** 30

const commandOf = (more: Partial<EngineSpec>) => engines.vllm.command({ ...SPEC, ...more }, TOOLS, BIND)
const flagsOf = (more: Partial<EngineSpec>) => commandOf(more).argv.slice(9)
const parallel = (more: Partial<Parallelism>): Parallelism => ({ ...SPEC.parallel, ...more })

describe('the command of vLLM', () => {
  test('serves the snapshot under one name on one address, offline and untracked', () => {
    expect(commandOf({})).toEqual({
      argv: ['/opt/vllm/bin/vllm', 'serve', '/hub/snapshots/abc', '--served-model-name', 'chat', '--host', '127.0.0.1', '--port', '8100'],
      env: OFFLINE,
    })
  })

  test('uses the granted GPUs and no others', () => {
    const { argv, env } = commandOf({ gpus: [4, 5, 6, 7], parallel: parallel({ tensor: 4 }) })
    expect(argv.slice(9)).toEqual(['--tensor-parallel-size', '4'])
    expect(env['HIP_VISIBLE_DEVICES']).toBe('4,5,6,7')
    expect(commandOf({}).env).not.toHaveProperty('HIP_VISIBLE_DEVICES')
  })

  test('splits the GPUs as the recipe says', () => {
    expect(flagsOf({ gpus: gpus(8), parallel: { tensor: 2, pipeline: 2, data: 2, expert: true } })).toEqual([
      '--tensor-parallel-size',
      '2',
      '--pipeline-parallel-size',
      '2',
      '--data-parallel-size',
      '2',
      '--enable-expert-parallel',
    ])
  })

  test.each([
    [gpus(4), parallel({ tensor: 2 })],
    [gpus(1), parallel({ data: 2 })],
    [[], parallel({ tensor: 2 })],
  ])('refuses GPUs %j for another number of ranks', (indices, ranks) => {
    expect(() => commandOf({ gpus: indices, parallel: ranks })).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field: 'parallel' }) }),
    )
  })

  test('spans machines: all find rank 0, and only that one answers', () => {
    const group = (rank: number) => ({ nodes: 2, rank, leader: '10.0.0.1:29500' })
    const address = ['--nnodes', '2', '--node-rank', '0', '--master-addr', '10.0.0.1', '--master-port', '29500']
    const spec = { gpus: gpus(8), parallel: parallel({ tensor: 16 }) }
    expect(flagsOf({ ...spec, group: group(0) })).toEqual(['--tensor-parallel-size', '16', ...address])
    expect(flagsOf({ ...spec, group: group(1) })).toContain('--headless')
    expect(flagsOf({ ...spec, group: { nodes: 2, rank: 0, leader: '[fd00::1]:29500' } })).toContain('fd00::1')
    expect(() => flagsOf({ ...spec, group: { nodes: 2, rank: 0, leader: 'nowhere' } })).toThrow(
      expect.objectContaining({ code: 'InvalidInput' }),
    )
  })

  test.each<[EngineSettings, string[]]>([
    [{ dtype: 'float16' }, ['--dtype', 'float16']],
    [{ quantization: 'quark' }, ['--quantization', 'quark']],
    [{ memoryFraction: 0.95 }, ['--gpu-memory-utilization', '0.95']],
    [{ kvDtype: 'fp8' }, ['--kv-cache-dtype', 'fp8']],
    [{ prefixCache: false }, ['--no-enable-prefix-caching']],
    [{ prefixCache: true }, ['--enable-prefix-caching']],
    [{ chunkedPrefill: false }, ['--no-enable-chunked-prefill']],
    [{ maxBatchedTokens: 16384 }, ['--max-num-batched-tokens', '16384']],
    [{ maxSequences: 64 }, ['--max-num-seqs', '64']],
    [{ graphs: false }, ['--enforce-eager']],
    [{ graphs: true, graphMaxBatch: 256 }, ['--max-cudagraph-capture-size', '256']],
    [{ weightOffloadBytes: 1.5 * GIB }, ['--cpu-offload-gb', '1.5']],
    [{ kvOffloadBytes: 10 * GIB }, ['--kv-offloading-size', '40']],
    [{ streamInterval: 4 }, ['--stream-interval', '4']],
    [{ attentionBackend: 'ROCM_AITER_FA' }, ['--attention-backend', 'ROCM_AITER_FA']],
    [{ toolParser: 'hermes' }, ['--enable-auto-tool-choice', '--tool-call-parser', 'hermes']],
    [{ reasoningParser: 'qwen3' }, ['--reasoning-parser', 'qwen3']],
    [{ trustRemoteCode: true }, ['--trust-remote-code']],
    [{ trustRemoteCode: false }, []],
  ])('says %j', (settings, flags) => {
    expect(flagsOf({ gpus: gpus(4), parallel: parallel({ tensor: 4 }), settings })).toEqual(['--tensor-parallel-size', '4', ...flags])
  })

  test('a context that was asked for, and none otherwise', () => {
    expect(flagsOf({ context: 4096 })).toEqual(['--max-model-len', '4096'])
  })

  test('one spec gives one command, however its fields are ordered', () => {
    const forth = flagsOf({ settings: { dtype: 'auto', maxSequences: 2 }, args: { 'block-size': 16, seed: 1 } })
    expect(forth).toEqual(flagsOf({ settings: { maxSequences: 2, dtype: 'auto' }, args: { seed: 1, 'block-size': 16 } }))
  })

  test('renders flags by name: a switch, nothing for false, a value with a dash joined to its flag, and keys of a structure', () => {
    const args = { 'block-size': 64, 'enable-eplb': false, seed: -1, 'compilation-config.pass_config.fuse_rope_kvcache': true }
    expect(flagsOf({ args })).toEqual(['--block-size', '64', '--compilation-config.pass_config.fuse_rope_kvcache=true', '--seed=-1'])
  })

  test('keeps the environment of the recipe', () => {
    expect(commandOf({ env: { VLLM_ROCM_USE_AITER: '1' } }).env).toEqual({ ...OFFLINE, VLLM_ROCM_USE_AITER: '1' })
  })

  test('is refused on a node without vLLM, with what to do', () => {
    expect(() => engines.vllm.command(SPEC, { ...TOOLS, vllm: null }, BIND)).toThrow(
      expect.objectContaining({ code: 'BackendMissing', fix: expect.stringContaining('AIM_VLLM_BIN') }),
    )
  })

  test.each([
    'host',
    'port',
    'model',
    'served-model-name',
    'config',
    'api-key',
    'hf-token',
    'tensor-parallel-size',
    'enable-expert-parallel',
    'no-enable-expert-parallel',
    'max-model-len',
    'headless',
    'device-ids',
    'trust-remote-code',
    'no-trust-remote-code',
    '--dtype',
    'Dtype',
    'a b',
    'x=1',
    '-tp',
    '',
  ])('refuses the flag %j', (name) => {
    expect(() => commandOf({ args: { [name]: 'x' } })).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field: `args.${name}` }) }),
    )
  })

  test.each<[EngineSettings, EngineSpec['args']]>([
    [{ maxSequences: 4 }, { 'max-num-seqs': 8 }],
    [{ prefixCache: true }, { 'no-enable-prefix-caching': true }],
    [{ graphs: true }, { 'no-enforce-eager': true }],
    [{ toolParser: 'hermes' }, { 'enable-auto-tool-choice': true }],
  ])('refuses a setting %j that a flag %j says again', (settings, args) => {
    expect(() => commandOf({ settings, args })).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field: `args.${Object.keys(args)[0]}` }) }),
    )
  })

  test('code of a repository cannot be let in through another flag', () => {
    expect(() => commandOf({ args: { 'hf-overrides': '{"trust_remote_code": true}' } })).toThrow(
      expect.objectContaining({ code: 'InvalidInput' }),
    )
    expect(() => commandOf({ args: { 'speculative-config.trust_remote_code': true } })).toThrow(
      expect.objectContaining({ code: 'InvalidInput' }),
    )
  })

  test('refuses a size of graphs where none are captured', () => {
    expect(() => commandOf({ settings: { graphs: false, graphMaxBatch: 8 } })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ field: 'settings.graphMaxBatch' }) }),
    )
  })

  test.each([
    'HF_TOKEN',
    'VLLM_API_KEY',
    'AWS_SECRET_ACCESS_KEY',
    'AIM_ENGINE_KEY',
    'CUDA_VISIBLE_DEVICES',
    'HIP_VISIBLE_DEVICES',
    'ROCR_VISIBLE_DEVICES',
    'A B',
    '1A',
    '',
  ])('refuses the variable %j', (name) => {
    expect(() => commandOf({ env: { [name]: 'x' } })).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field: `env.${name}` }) }),
    )
  })

  test.each(['tokenizer-mode', 'max-num-scheduled-tokens'])('%s is no secret', (name) => {
    expect(flagsOf({ args: { [name]: 'x' } })).toEqual([`--${name}`, 'x'])
  })
})
