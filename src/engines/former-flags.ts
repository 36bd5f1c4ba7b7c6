import type { Backend } from '../domain/engine.js'

/**
 * Flags that published recipes still carry and that the backend no longer takes, with what to write instead, in words that follow
 * "is no flag of ...". A flag that is spelled nearly right needs no row: `nearest` finds it.
 */
export const FORMER_FLAGS: Partial<Record<Backend, Readonly<Record<string, string>>>> = {
  vllm: {
    'disable-log-requests': 'requests are not logged unless asked for (`no-enable-log-requests: true`), so leave it out',
    'enable-reasoning': '`reasoning-parser` alone turns it on',
    'guided-decoding-backend': 'it is now `structured-outputs-config.backend`',
    'num-scheduler-steps': 'every step is scheduled now, so leave it out',
    'swap-space': 'preempted requests are computed again instead, so leave it out',
    task: 'it is now `runner`',
    'use-v2-block-manager': 'there is no other one any more, so leave it out',
    'max-seq-len-to-capture': 'graphs are captured by batch size: `max-cudagraph-capture-size`',
    'cuda-graph-sizes': 'it is now `cudagraph-capture-sizes`',
  },
  sglang: {
    tp: 'its full name is `tp-size`',
    dp: 'its full name is `dp-size`',
    pp: 'its full name is `pp-size`',
    'cuda-graph-bs': 'it is now `cuda-graph-bs-decode` and `cuda-graph-bs-prefill`',
    'cuda-graph-max-bs': 'it is now `cuda-graph-max-bs-decode` and `cuda-graph-max-bs-prefill`',
    'enable-ep-moe': 'it is now `ep-size`',
    'enable-deepep-moe': 'it is now `moe-a2a-backend: deepep`',
  },
}
