import { describe, expect, test } from 'vitest'
import type { EngineSettings, EngineSpec, Parallelism } from '../../src/domain/engine.js'
import { engines } from '../../src/engines/index.js'
import { BIND, SPEC, TOOLS, gpus } from './specs.js'

const GIB = 2 ** 30
const FIXED = [
  ['--model-path', '/hub/snapshots/abc'],
  ['--served-model-name', 'chat'],
  ['--host', '127.0.0.1'],
  ['--port', '8100'],
  ['--enable-metrics'],
].flat()

const commandOf = (more: Partial<EngineSpec>) => engines.sglang.command({ ...SPEC, backend: 'sglang', gpus: gpus(1), ...more }, TOOLS, BIND)
const flagsOf = (more: Partial<EngineSpec>) => commandOf(more).argv.slice(2 + FIXED.length)
const parallel = (more: Partial<Parallelism>): Parallelism => ({ ...SPEC.parallel, ...more })

describe('the command of SGLang', () => {
  test('serves the snapshot under one name on one address, offline, with metrics', () => {
    expect(commandOf({ gpus: [3] })).toEqual({
      argv: ['/opt/sglang/bin/sglang', 'serve', ...FIXED, '--tp-size', '1'],
      env: { HF_HUB_OFFLINE: '1', HIP_VISIBLE_DEVICES: '3' },
    })
  })

  test('splits the GPUs as the recipe says; experts are spread inside a replica', () => {
    expect(flagsOf({ gpus: gpus(8), parallel: { tensor: 4, pipeline: 1, data: 2, expert: true } })).toEqual([
      '--tp-size',
      '4',
      '--dp-size',
      '2',
      '--ep-size',
      '4',
    ])
    expect(flagsOf({ gpus: gpus(4), parallel: parallel({ tensor: 2, pipeline: 2 }) })).toEqual(['--tp-size', '2', '--pp-size', '2'])
  })

  test('spans machines', () => {
    const group = { nodes: 2, rank: 1, leader: '10.0.0.1:29500' }
    expect(flagsOf({ gpus: gpus(8), parallel: parallel({ tensor: 16 }), group })).toEqual([
      '--tp-size',
      '16',
      '--nnodes',
      '2',
      '--node-rank',
      '1',
      '--dist-init-addr',
      '10.0.0.1:29500',
    ])
  })

  test.each<[EngineSettings, string[]]>([
    [{ dtype: 'bfloat16' }, ['--dtype', 'bfloat16']],
    [{ quantization: 'fp8' }, ['--quantization', 'fp8']],
    [{ memoryFraction: 0.85 }, ['--mem-fraction-static', '0.85']],
    [{ kvDtype: 'fp8' }, ['--kv-cache-dtype', 'fp8_e4m3']],
    [{ kvDtype: 'auto' }, ['--kv-cache-dtype', 'auto']],
    [{ prefixCache: false }, ['--disable-radix-cache']],
    [{ prefixCache: true }, []],
    [{ chunkedPrefill: false }, ['--chunked-prefill-size=-1']],
    [{ chunkedPrefill: true, maxBatchedTokens: 8192 }, ['--chunked-prefill-size', '8192']],
    [{ chunkedPrefill: false, maxBatchedTokens: 8192 }, ['--chunked-prefill-size=-1', '--max-prefill-tokens', '8192']],
    [{ maxSequences: 128 }, ['--max-running-requests', '128']],
    [{ graphs: false }, ['--cuda-graph-backend-decode', 'disabled', '--cuda-graph-backend-prefill', 'disabled']],
    [{ graphMaxBatch: 160 }, ['--cuda-graph-max-bs-decode', '160']],
    [{ weightOffloadBytes: 8 * GIB }, ['--cpu-offload-gb', '8']],
    [{ kvOffloadBytes: 64e9 }, ['--enable-hierarchical-cache', '--hicache-size', '64']],
    [{ streamInterval: 2 }, ['--stream-interval', '2']],
    [{ attentionBackend: 'aiter' }, ['--attention-backend', 'aiter']],
    [{ toolParser: 'qwen25' }, ['--tool-call-parser', 'qwen25']],
    [{ reasoningParser: 'qwen3' }, ['--reasoning-parser', 'qwen3']],
    [{ trustRemoteCode: true }, ['--trust-remote-code']],
  ])('says %j', (settings, flags) => {
    expect(flagsOf({ settings })).toEqual(['--tp-size', '1', ...flags])
  })

  test('a context that was asked for', () => {
    expect(flagsOf({ context: 32768 })).toEqual(['--tp-size', '1', '--context-length', '32768'])
  })

  test.each<[string, Partial<EngineSpec>]>([
    ['gpus', { gpus: [] }],
    ['settings.weightOffloadBytes', { settings: { weightOffloadBytes: 1.5 * GIB } }],
    ['settings.kvOffloadBytes', { settings: { kvOffloadBytes: GIB } }],
    ['args.tp-size', { args: { 'tp-size': 2 } }],
    ['args.tensor-parallel-size', { args: { 'tensor-parallel-size': 2 } }],
    ['args.context-length', { args: { 'context-length': 2 } }],
    ['args.enable-metrics', { args: { 'enable-metrics': true } }],
    ['args.model-path', { args: { 'model-path': '/elsewhere' } }],
    ['args.config', { args: { config: 'flags.yaml' } }],
    ['args.trust-remote-code', { args: { 'trust-remote-code': true } }],
    ['args.max-prefill-tokens', { settings: { chunkedPrefill: false, maxBatchedTokens: 2 }, args: { 'max-prefill-tokens': 3 } }],
    ['parallel', { gpus: gpus(2) }],
  ])('refuses a wrong %s', (field, wrong) => {
    expect(() => commandOf(wrong)).toThrow(expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) }))
  })

  test('is refused on a node without SGLang, with what to do', () => {
    expect(() => engines.sglang.command({ ...SPEC, backend: 'sglang', gpus: [0] }, { ...TOOLS, sglang: null }, BIND)).toThrow(
      expect.objectContaining({ code: 'BackendMissing', fix: expect.stringContaining('AIM_SGLANG_BIN') }),
    )
  })
})
