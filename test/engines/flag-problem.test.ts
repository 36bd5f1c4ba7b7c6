import { describe, expect, test } from 'vitest'
import { flagProblem } from '../../src/engines/index.js'
import { findFlag } from '../../src/engines/flag-problem.js'
import { FORMER_FLAGS } from '../../src/engines/former-flags.js'
import { catalogueOf } from './catalogues.js'

const VLLM = catalogueOf('vllm-0.32.0')
const SGLANG = catalogueOf('sglang-0.5.23')

describe('a flag that the version does not have is refused with the nearest right name', () => {
  test.each<[string, string]>([
    ['max-num-sequences', '`max-num-seqs`'],
    ['max_num_seqs', '`max-num-seqs`'],
    ['max-num-batch-tokens', '`max-num-batched-tokens`'],
    ['enable-prefix-cache', '`enable-prefix-caching`'],
    ['disable-prefix-caching', '`no-enable-prefix-caching`'],
    ['gpu-memory-utilisation', '`gpu-memory-utilization`'],
    ['tp', '`tensor-parallel-size`'],
    ['cc.pass_config.fuse_rope_kvcache', '`compilation-config.pass_config.fuse_rope_kvcache`'],
    ['disable-log-requests', '`no-enable-log-requests: true`'],
    ['guided-decoding-backend', '`structured-outputs-config.backend`'],
    ['swap-space', 'leave it out'],
    ['num-scheduler-steps', 'leave it out'],
    ['enable-reasoning', '`reasoning-parser`'],
    ['task', '`runner`'],
  ])('vLLM: %s', (name, meant) => {
    expect(flagProblem(VLLM, { [name]: true })).toEqual({
      field: `args.${name}`,
      rule: expect.stringMatching(new RegExp(`^is no flag of vllm 0\\.32\\.0: .*${meant.replaceAll('.', '\\.')}`)),
    })
  })

  test.each<[string, string]>([
    ['tp', '`tp-size`'],
    ['mem-frac', '`mem-fraction-static`'],
    ['mem-fraction', '`mem-fraction-static`'],
    ['cuda-graph-max-bs', '`cuda-graph-max-bs-decode`'],
    ['enable-ep-moe', '`ep-size`'],
    ['disable-radix-caching', '`disable-radix-cache`'],
    ['max-model-len', ''],
  ])('SGLang: %s', (name, meant) => {
    const problem = flagProblem(SGLANG, { [name]: true })
    expect(problem?.rule).toContain('is no flag of sglang 0.5.23')
    expect(problem?.rule).toContain(meant)
  })

  test('and with none when nothing is near', () => {
    expect(flagProblem(VLLM, { 'quite-another-thing': 1 })?.rule).toBe('is no flag of vllm 0.32.0')
  })

  test('a key of a structure, too', () => {
    expect(flagProblem(VLLM, { 'compilation-config.pass_config.fuse_rope_kv_cache': true })?.rule).toBe(
      'is no key of compilation-config: the nearest is `compilation-config.pass_config.fuse_rope_kvcache`',
    )
    expect(flagProblem(VLLM, { 'max-num-seqs.x': 1 })?.rule).toBe('is no key: max-num-seqs takes no structure')
    expect(flagProblem(SGLANG, { 'cuda-graph-config.decode': 1 })?.rule).toContain('takes no structure')
  })
})

describe('what the parser takes passes', () => {
  test.each<[string, string | number | boolean]>([
    ['block-size', 64],
    ['block-size', '64'],
    ['max-num-batched-tokens', '32k'],
    ['gpu-memory-utilization', 0.95],
    ['gpu-memory-utilization', '.9'],
    ['enable-prefix-caching', true],
    ['no-enable-prefix-caching', true],
    ['no-enable-log-requests', true],
    ['enforce-eager', true],
    ['disable-log-stats', false],
    ['kv-cache-dtype', 'fp8_e4m3'],
    ['quantization', 'quark'],
    ['quantization', 'None'],
    ['attention-backend', 'ROCM_AITER_FA'],
    ['tool-call-parser', 'kimi_k2'],
    ['reasoning-parser', 'deepseek_r1'],
    ['moe-backend', 'flydsl'],
    ['compilation-config', '{"use_inductor_graph_partition": true}'],
    ['compilation-config.pass_config.fuse_rope_kvcache', true],
    ['compilation-config.inductor_compile_config.anything', 1],
    ['speculative-config.method', 'mtp'],
    ['limit-mm-per-prompt.image', 0],
    ['hf-overrides', '{"rope_theta": 1000000}'],
    ['hf-overrides.rope_theta', 1000000],
    ['device-memory-utilization', 0.9],
  ])('vLLM: %s %s', (name, value) => {
    expect(flagProblem(VLLM, { [name]: value })).toBeNull()
  })
})

describe('a value that the parser refuses, or the engine later, is refused', () => {
  test.each<[string, string | number | boolean, string]>([
    ['block-size', 'x', 'must be a whole number'],
    ['block-size', 1.5, 'must be a whole number'],
    ['block-size', true, 'needs a value'],
    ['gpu-memory-utilization', 'most', 'must be a number'],
    ['max-num-batched-tokens', '32M', 'must be a whole number, or one with `k`; write a larger unit out'],
    ['cudagraph-capture-sizes', '1 2 4', 'must be a whole number'],
    ['enforce-eager', 'true', 'is a switch: true or false'],
    ['enable-prefix-caching', false, 'write `no-enable-prefix-caching: true`'],
    ['no-enable-prefix-caching', false, 'write `enable-prefix-caching: true`'],
    ['kv-cache-dtype', 'fp8-e4m3', 'the nearest is "fp8_e4m3"'],
    ['dtype', 'bf16', 'it takes auto, bfloat16, float, float16, float32, half'],
    ['quantization', 'bitsandbytes', 'does not know "bitsandbytes"'],
    ['quantization', 'gguf', 'does not know "gguf"'],
    ['attention-backend', 'FLASHINFER', 'does not know "FLASHINFER"'],
    ['attention-backend', 'ROCM_ATN', 'the nearest is "ROCM_ATTN"'],
    ['tool-call-parser', 'kimi-k2', 'the nearest is "kimi_k2"'],
    ['reasoning-parser', 'deepseek-r1', 'the nearest is "deepseek_r1"'],
    ['compilation-config', '{use: 1}', 'must be a JSON object'],
    ['compilation-config', '[]', 'must be a JSON object'],
    ['compilation-config', 3, 'must be a JSON object'],
    ['override-generation-config', '{use: 1}', 'must be JSON'],
    ['compilation-config', '{"pass_configs": {}}', 'has no key "pass_configs": the nearest is "pass_config"'],
    ['disable-cascade-attn', true, 'is deprecated in vllm 0.32.0'],
  ])('vLLM: %s %s', (name, value, rule) => {
    expect(flagProblem(VLLM, { [name]: value })?.rule).toContain(rule)
  })

  test.each<[string, string | number | boolean, string]>([
    ['kv-cache-dtype', 'fp8', 'it takes auto, bf16, bfloat16, fp4_mx_block16, fp8_e4m3'],
    ['attention-backend', 'fa3', 'does not know "fa3"'],
    ['disable-cuda-graph', true, 'is deprecated in sglang 0.5.23: --cuda-graph-backend-{decode,prefill}=disabled'],
    ['enable-dp-attention', true, '--attn-dp-size'],
    ['tool-call-parser', 'kimi-k2', 'the nearest is "kimi_k2"'],
  ])('SGLang: %s %s', (name, value, rule) => {
    expect(flagProblem(SGLANG, { [name]: value })?.rule).toContain(rule)
  })
})

test('the first wrong flag is named, in the order of the recipe', () => {
  expect(flagProblem(VLLM, { 'block-size': 1, seed: 'x', dtype: 'x' })?.field).toBe('args.seed')
})

test.each([VLLM, SGLANG])('former flags of $backend are gone, and what is said to write instead is there', (catalogue) => {
  const former = Object.entries(FORMER_FLAGS[catalogue.backend] ?? {})
  expect(former.length).toBeGreaterThan(5)
  for (const [name, said] of former) {
    expect(findFlag(catalogue, name), name).toBeNull()
    for (const [, written = ''] of said.matchAll(/`([^`:]+)(?::[^`]*)?`/g)) expect(findFlag(catalogue, written), written).not.toBeNull()
  }
})
