import { describe, expect, test } from 'vitest'
import { configurationProblem, engines } from '../../src/engines/index.js'
import type { Configuration } from '../../src/engines/configuration-problem.js'
import { catalogueOf } from './catalogues.js'

const VLLM = catalogueOf('vllm-0.32.0')
const SGLANG = catalogueOf('sglang-0.5.23')
const RECIPE: Configuration = {
  backend: 'vllm',
  format: 'safetensors',
  hardware: { kind: 'gpu', count: 8, cards: ['MI300X'] },
  parallel: { tensor: 8, pipeline: 1, data: 1, expert: false },
  settings: { attentionBackend: 'ROCM_AITER_FA', kvDtype: 'fp8', toolParser: 'hermes' },
  args: { 'block-size': 64 },
  env: { VLLM_ROCM_USE_AITER: '1' },
}
const problemOf = (more: Partial<Configuration>) => {
  const recipe = { ...RECIPE, ...more }
  return configurationProblem(
    engines[recipe.backend],
    recipe,
    recipe.backend === 'sglang' ? SGLANG : recipe.backend === 'vllm' ? VLLM : null,
  )
}

test('a recipe that renders, with flags that its version takes, is fine', () => {
  expect(problemOf({})).toBeNull()
  expect(problemOf({ backend: 'sglang', settings: { attentionBackend: 'aiter', kvDtype: 'fp8' }, args: { 'page-size': 64 } })).toBeNull()
})

describe('the first wrong field is named, with its rule', () => {
  test.each<[string, string, Partial<Configuration>]>([
    ['parallel', 'is 4 GPUs, and there are 8', { parallel: { tensor: 4, pipeline: 1, data: 1, expert: false } }],
    ['args.max-model-len', 'is said by `context`', { args: { 'max-model-len': 8192 } }],
    ['args.tensor-parallel-size', 'is said by `parallel.tensor`', { args: { 'tensor-parallel-size': 8 } }],
    ['args.max-num-seqs', 'say it with settings.maxSequences', { args: { 'max-num-seqs': 8 } }],
    ['args.device-memory-utilization', 'say it with settings.memoryFraction', { args: { 'device-memory-utilization': 0.9 } }],
    ['args.no-enable-prefix-caching', 'say it with settings.prefixCache', { args: { 'no-enable-prefix-caching': true } }],
    ['args.trust-remote-code', 'is for the policy to allow: say `settings.trustRemoteCode`', { args: { 'trust-remote-code': true } }],
    ['args.swap-space', 'is no flag of vllm 0.32.0', { args: { 'swap-space': 4 } }],
    ['settings.attentionBackend', 'does not know "FLASHINFER"', { settings: { attentionBackend: 'FLASHINFER' } }],
    ['settings.quantization', 'does not know "gguf"', { settings: { quantization: 'gguf' } }],
    ['settings.toolParser', 'the nearest is "kimi_k2"', { settings: { toolParser: 'kimi-k2' } }],
    ['settings.reasoningParser', 'does not know', { settings: { reasoningParser: 'nothing-such' } }],
    [
      'settings.attentionBackend',
      'does not know "ROCM_ATTN"',
      { backend: 'sglang', settings: { attentionBackend: 'ROCM_ATTN' }, args: {} },
    ],
    ['gpus', 'needs at least one GPU', { backend: 'sglang', hardware: { kind: 'cpu' } }],
    [
      'settings.kvDtype',
      'the llamacpp backend has no word for it',
      { backend: 'llamacpp', format: 'gguf', hardware: { kind: 'cpu' }, settings: { kvDtype: 'fp8' } },
    ],
    ['command', 'the custom backend needs one', { backend: 'custom', settings: {}, args: {} }],
    ['env.HF_TOKEN', 'would write a secret into the history', { env: { HF_TOKEN: 'x' } }],
  ])('%s %s', (field, rule, wrong) => {
    expect(problemOf(wrong)).toEqual({ field, rule: expect.stringContaining(rule) })
  })
})

test('without a catalogue the names and values of flags are not known', () => {
  const recipe = { ...RECIPE, args: { 'swap-space': 4 }, settings: { attentionBackend: 'FLASHINFER' } }
  expect(configurationProblem(engines.vllm, recipe, null)).toBeNull()
})
