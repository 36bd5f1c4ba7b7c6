import type { EngineSpec } from '../../src/domain/engine.js'
import type { EngineTools } from '../../src/engines/engine.js'

export const TOOLS: EngineTools = {
  node: '/usr/bin/node',
  llamacppServer: '/aim/llamacpp-server/main.js',
  vllm: '/opt/vllm/bin/vllm',
  sglang: '/opt/sglang/bin/sglang',
}
export const BIND = { host: '127.0.0.1', port: 8100 }

/** A spec of one endpoint on the processor; tests say what is different. */
export const SPEC: EngineSpec = {
  backend: 'vllm',
  servedName: 'chat',
  modelPath: '/hub/snapshots/abc',
  gpus: [],
  parallel: { tensor: 1, pipeline: 1, data: 1, expert: false },
  settings: {},
  args: {},
  env: {},
}

/** Indices of so many GPUs. */
export const gpus = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
