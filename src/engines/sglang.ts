import { AimError } from '../contracts/errors.js'
import type { EngineSpec } from '../domain/engine.js'
import { classify } from './classify.js'
import { compose } from './compose.js'
import type { Engine } from './engine.js'
import { invalid, renderFlags, visibleGpus } from './flags.js'
import { SGLANG_METRICS } from './metrics.js'
import { readSglangMemory } from './reported-memory.js'
import { checkSpread, leaderOf } from './spread.js'
import { GIB, offSwitch, onSwitch, plain, whole, type Flags, type Words } from './words.js'

/** The weights are on this disk and verified: nothing may be fetched. */
const OFFLINE = { HF_HUB_OFFLINE: '1' }

const GB = 1_000_000_000

const WORDS: Words = {
  dtype: plain('dtype'),
  quantization: plain('quantization'),
  memoryFraction: plain('mem-fraction-static'),
  // It has no plain `fp8`; weights and KV scales of models for AMD are e4m3.
  kvDtype: { flags: ['kv-cache-dtype'], say: (dtype) => ({ 'kv-cache-dtype': dtype === 'fp8' ? 'fp8_e4m3' : dtype }) },
  prefixCache: offSwitch('disable-radix-cache'),
  // On by default, with a size by GPU memory; the size is said by maxBatchedTokens, which then bounds whole prompts instead.
  chunkedPrefill: { flags: ['chunked-prefill-size'], say: (on): Flags => (on ? {} : { 'chunked-prefill-size': -1 }) },
  maxBatchedTokens: {
    flags: ['chunked-prefill-size'],
    say: (tokens, { settings }): Flags =>
      settings.chunkedPrefill === false ? { 'max-prefill-tokens': tokens } : { 'chunked-prefill-size': tokens },
  },
  maxSequences: plain('max-running-requests'),
  graphs: {
    flags: ['cuda-graph-backend-decode'],
    say: (on): Flags => (on ? {} : { 'cuda-graph-backend-decode': 'disabled', 'cuda-graph-backend-prefill': 'disabled' }),
  },
  graphMaxBatch: plain('cuda-graph-max-bs-decode'),
  weightOffloadBytes: {
    flags: ['cpu-offload-gb'],
    say: (bytes) => ({ 'cpu-offload-gb': whole('weightOffloadBytes', bytes, GIB) }),
  },
  // For each rank, in units of 10^9 (mem_cache/pool_host/base.py).
  kvOffloadBytes: {
    flags: ['enable-hierarchical-cache', 'hicache-size'],
    say: (bytes) => ({ 'enable-hierarchical-cache': true, 'hicache-size': whole('kvOffloadBytes', bytes, GB) }),
  },
  streamInterval: plain('stream-interval'),
  attentionBackend: plain('attention-backend'),
  toolParser: plain('tool-call-parser'),
  reasoningParser: plain('reasoning-parser'),
  trustRemoteCode: onSwitch('trust-remote-code'),
}

/** SGLang through `sglang serve`. Flags by their full names as SGLang 0.5.23 has them: it takes abbreviations, until they are ambiguous. */
export const sglang: Engine = {
  backend: 'sglang',
  formats: ['safetensors'],
  words: WORDS,
  reserved: {
    'context-length': '`context`',
    'tp-size': '`parallel.tensor`',
    'pp-size': '`parallel.pipeline`',
    'dp-size': '`parallel.data`',
    'ep-size': '`parallel.expert`',
    'tensor-parallel-size': '`parallel.tensor`',
    'pipeline-parallel-size': '`parallel.pipeline`',
    'data-parallel-size': '`parallel.data`',
    'expert-parallel-size': '`parallel.expert`',
    ep: '`parallel.expert`',
    nnodes: 'the launcher',
    'node-rank': 'the launcher',
    'dist-init-addr': 'the launcher',
    'nccl-init-addr': 'the launcher',
    'enable-metrics': 'the launcher',
    'base-gpu-id': 'the lease',
    'gpu-id-step': 'the lease',
  },
  // /health generates a token, and says 503 after 20 s without one (SGLANG_HEALTH_CHECK_TIMEOUT).
  endpoints: { ready: '/ready', alive: '/health', aliveSeconds: 25, models: '/v1/models', metrics: '/metrics' },
  metrics: SGLANG_METRICS,
  command(spec, tools, { host, port }) {
    if (tools.sglang === null) {
      throw new AimError('BackendMissing', {
        backend: 'sglang',
        node: 'this node',
        reason: 'the `sglang` program was not found',
        hint: 'install SGLang, or set AIM_SGLANG_BIN to its program',
      })
    }
    if (spec.gpus.length === 0) throw invalid('gpus', 'the sglang backend needs at least one GPU')
    checkSpread(spec)
    const { settings, args, env } = compose(sglang, spec)
    const flags = {
      'model-path': spec.modelPath,
      'served-model-name': spec.servedName,
      host,
      port,
      'enable-metrics': true,
      ...spread(spec),
      ...context(spec),
      ...settings,
      ...args,
    }
    return { argv: [tools.sglang, 'serve', ...renderFlags(flags)], env: { ...OFFLINE, ...env, ...visibleGpus(spec) } }
  },
  classify: (end) => classify('sglang', end),
  readMemory: readSglangMemory,
}

/** Experts are spread inside a replica: its data parallelism has whole replicas. */
function spread({ parallel, group }: EngineSpec): Flags {
  return {
    'tp-size': parallel.tensor,
    ...(parallel.pipeline > 1 && { 'pp-size': parallel.pipeline }),
    ...(parallel.data > 1 && { 'dp-size': parallel.data }),
    ...(parallel.expert && { 'ep-size': parallel.tensor }),
    ...(group !== undefined && member(group)),
  }
}

function member(group: NonNullable<EngineSpec['group']>): Flags {
  leaderOf(group)
  return { nnodes: group.nodes, 'node-rank': group.rank, 'dist-init-addr': group.leader }
}

function context({ context: tokens }: EngineSpec): Flags {
  return tokens === undefined ? {} : { 'context-length': tokens }
}
