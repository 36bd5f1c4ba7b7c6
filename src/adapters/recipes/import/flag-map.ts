import { Settings } from '../../../contracts/recipe.js'
import type { EngineSettings, Parallelism } from '../../../domain/engine.js'
import { ownValue } from '../../../engines/own-value.js'

/** What a flag becomes. `setting` takes its value, or the one that is given here; `ours` says why it is nobody's to give. */
export type Meaning =
  | { setting: keyof EngineSettings; value?: boolean; remark?: string }
  | { parallel: keyof Parallelism; value?: boolean }
  | { context: true }
  | { ours: string }
  /** Said by another flag: dropped without loss where that one is there. */
  | { with: string }

const LAUNCHER = { ours: 'is said by the launcher' } as const
const COMMON: Record<string, Meaning> = {
  model: { ours: 'is said by `model`' },
  host: LAUNCHER,
  port: LAUNCHER,
  'served-model-name': LAUNCHER,
  dtype: { setting: 'dtype' },
  quantization: { setting: 'quantization' },
  'kv-cache-dtype': { setting: 'kvDtype' },
  'stream-interval': { setting: 'streamInterval' },
  'attention-backend': { setting: 'attentionBackend' },
  'tool-call-parser': { setting: 'toolParser' },
  'reasoning-parser': { setting: 'reasoningParser' },
  'trust-remote-code': { setting: 'trustRemoteCode', value: true },
  'tensor-parallel-size': { parallel: 'tensor' },
  'pipeline-parallel-size': { parallel: 'pipeline' },
  'data-parallel-size': { parallel: 'data' },
}
const VLLM: Record<string, Meaning> = {
  ...COMMON,
  'max-model-len': { context: true },
  'gpu-memory-utilization': { setting: 'memoryFraction' },
  'enable-prefix-caching': { setting: 'prefixCache', value: true },
  'no-enable-prefix-caching': { setting: 'prefixCache', value: false },
  'enable-chunked-prefill': { setting: 'chunkedPrefill', value: true },
  'no-enable-chunked-prefill': { setting: 'chunkedPrefill', value: false },
  'max-num-batched-tokens': { setting: 'maxBatchedTokens' },
  'max-num-seqs': { setting: 'maxSequences' },
  'enforce-eager': { setting: 'graphs', value: false },
  'max-cudagraph-capture-size': { setting: 'graphMaxBatch' },
  'no-trust-remote-code': { setting: 'trustRemoteCode', value: false },
  'enable-expert-parallel': { parallel: 'expert', value: true },
  'enable-auto-tool-choice': { with: 'tool-call-parser' },
}
/** The older format writes vLLM's names for SGLang as well. */
const SGLANG: Record<string, Meaning> = {
  ...VLLM,
  'gpu-memory-utilization': { setting: 'memoryFraction', remark: "is vLLM's name: taken as SGLang's share for weights and KV cache" },
  'model-path': { ours: 'is said by `model`' },
  'context-length': { context: true },
  'mem-fraction-static': { setting: 'memoryFraction' },
  'chunked-prefill-size': { setting: 'maxBatchedTokens' },
  'max-running-requests': { setting: 'maxSequences' },
  'disable-radix-cache': { setting: 'prefixCache', value: false },
  'cuda-graph-max-bs': { setting: 'graphMaxBatch' },
  'tp-size': { parallel: 'tensor' },
  tp: { parallel: 'tensor' },
  'pp-size': { parallel: 'pipeline' },
  'dp-size': { parallel: 'data' },
  'enable-metrics': LAUNCHER,
}

/** What a flag of a foreign file means; null: it has no word of ours, and may be a flag of the recipe. */
export function meaningOf(backend: 'vllm' | 'sglang', flag: string): Meaning | null {
  return ownValue(backend === 'vllm' ? VLLM : SGLANG, flag) ?? null
}

/** Names of values that the backend takes for the same thing. */
const SAME: Partial<Record<keyof EngineSettings, Record<string, string>>> = {
  dtype: { half: 'float16', bf16: 'bfloat16', fp16: 'float16' },
  kvDtype: { fp8_e4m3: 'fp8' },
}

/** A setting with a value of its rule, or why not. */
export function settingFrom(setting: keyof EngineSettings, value: unknown): { value: unknown } | { rule: string } {
  const known = typeof value === 'string' ? (ownValue(SAME[setting] ?? {}, value) ?? value) : value
  const result = Settings.shape[setting].safeParse(known)
  return result.success ? { value: result.data } : { rule: result.error.issues[0]?.message ?? 'is not valid' }
}
