import { AimError } from '../contracts/errors.js'
import type { EngineSpec } from '../domain/engine.js'
import { classify } from './classify.js'
import { compose } from './compose.js'
import type { Engine } from './engine.js'
import { renderFlags, visibleGpus } from './flags.js'
import { VLLM_METRICS } from './metrics.js'
import { readVllmMemory } from './reported-memory.js'
import { checkSpread, leaderOf } from './spread.js'
import { GIB, offSwitch, onSwitch, pair, plain, type Flags, type Words } from './words.js'

/** The weights are on this disk and verified: nothing may be fetched, and nothing may be reported. */
const OFFLINE = { HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1', VLLM_DO_NOT_TRACK: '1' }

const WORDS: Words = {
  dtype: plain('dtype'),
  quantization: plain('quantization'),
  memoryFraction: plain('gpu-memory-utilization'),
  kvDtype: plain('kv-cache-dtype'),
  prefixCache: pair('enable-prefix-caching'),
  chunkedPrefill: pair('enable-chunked-prefill'),
  maxBatchedTokens: plain('max-num-batched-tokens'),
  maxSequences: plain('max-num-seqs'),
  graphs: offSwitch('enforce-eager'),
  graphMaxBatch: plain('max-cudagraph-capture-size'),
  weightOffloadBytes: { flags: ['cpu-offload-gb'], say: (bytes) => ({ 'cpu-offload-gb': bytes / GIB }) },
  // One figure for all ranks of a replica (v1/kv_offload/cpu/spec.py divides it by the world size).
  kvOffloadBytes: {
    flags: ['kv-offloading-size'],
    say: (bytes, { parallel }) => ({ 'kv-offloading-size': (bytes * parallel.tensor * parallel.pipeline) / GIB }),
  },
  streamInterval: plain('stream-interval'),
  attentionBackend: plain('attention-backend'),
  toolParser: {
    flags: ['enable-auto-tool-choice', 'tool-call-parser'],
    say: (parser) => ({ 'enable-auto-tool-choice': true, 'tool-call-parser': parser }),
  },
  reasoningParser: plain('reasoning-parser'),
  trustRemoteCode: onSwitch('trust-remote-code'),
}

/** vLLM through `vllm serve`. Flags by their full names as vLLM 0.32 has them. */
export const vllm: Engine = {
  backend: 'vllm',
  formats: ['safetensors'],
  words: WORDS,
  reserved: {
    'max-model-len': '`context`',
    'tensor-parallel-size': '`parallel.tensor`',
    'pipeline-parallel-size': '`parallel.pipeline`',
    'data-parallel-size': '`parallel.data`',
    'enable-expert-parallel': '`parallel.expert`',
    nnodes: 'the launcher',
    'node-rank': 'the launcher',
    'master-addr': 'the launcher',
    'master-port': 'the launcher',
    headless: 'the launcher',
    'device-ids': 'the lease',
    uds: 'the launcher',
  },
  // The port opens when the engine is up, and /health is 503 only once it is dead.
  endpoints: { ready: '/health', alive: '/health', aliveSeconds: 5, models: '/v1/models', metrics: '/metrics' },
  metrics: VLLM_METRICS,
  command(spec, tools, { host, port }) {
    if (tools.vllm === null) {
      throw new AimError('BackendMissing', {
        backend: 'vllm',
        node: 'this node',
        reason: 'the `vllm` program was not found',
        hint: 'install vLLM, or set AIM_VLLM_BIN to its program',
      })
    }
    checkSpread(spec)
    const { settings, args, env } = compose(vllm, spec)
    const flags = { 'served-model-name': spec.servedName, host, port, ...spread(spec), ...context(spec), ...settings, ...args }
    return { argv: [tools.vllm, 'serve', spec.modelPath, ...renderFlags(flags)], env: { ...OFFLINE, ...env, ...visibleGpus(spec) } }
  },
  classify: (end) => classify('vllm', end),
  readMemory: readVllmMemory,
}

/** On a processor nothing is said of parallelism; on GPUs always, or vLLM would leave all but one idle. */
function spread({ gpus, parallel, group }: EngineSpec): Flags {
  return {
    ...(gpus.length > 0 && { 'tensor-parallel-size': parallel.tensor }),
    ...(parallel.pipeline > 1 && { 'pipeline-parallel-size': parallel.pipeline }),
    ...(parallel.data > 1 && { 'data-parallel-size': parallel.data }),
    ...(parallel.expert && { 'enable-expert-parallel': true }),
    ...(group !== undefined && member(group)),
  }
}

/** One machine of a group; only rank 0 answers clients. */
function member(group: NonNullable<EngineSpec['group']>): Flags {
  const leader = leaderOf(group)
  return {
    nnodes: group.nodes,
    'node-rank': group.rank,
    'master-addr': leader.host,
    'master-port': leader.port,
    ...(group.rank > 0 && { headless: true }),
  }
}

function context({ context: tokens }: EngineSpec): Flags {
  return tokens === undefined ? {} : { 'max-model-len': tokens }
}
