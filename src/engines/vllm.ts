import { AimError } from '../contracts/errors.js'
import type { EngineSpec } from '../domain/engine.js'
import { classify } from './classify.js'
import type { Engine } from './engine.js'
import { checkedExtras, renderFlags, type FlagValue } from './flags.js'

/** The weights are on this disk and verified: nothing may be fetched, and nothing may be reported. */
const OFFLINE = { HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1', VLLM_DO_NOT_TRACK: '1' }

/** vLLM through `vllm serve`. Flags by their full names as vLLM 0.32 has them. */
export const vllm: Engine = {
  backend: 'vllm',
  formats: ['safetensors'],
  command(spec, tools, { host, port }) {
    if (tools.vllm === null) {
      throw new AimError('BackendMissing', {
        backend: 'vllm',
        node: 'this node',
        reason: 'the `vllm` program was not found',
        hint: 'install vLLM, or set AIM_VLLM_BIN to its program',
      })
    }
    const { args, env } = checkedExtras(spec)
    const flags = { 'served-model-name': spec.servedName, host, port, ...parallelism(spec), ...args, ...contextFlag(spec) }
    return { argv: [tools.vllm, 'serve', spec.modelPath, ...renderFlags(flags)], env: { ...OFFLINE, ...env, ...visibleGpus(spec) } }
  },
  classify: (end) => classify('vllm', end),
}

/** One tensor-parallel rank per GPU, unless the recipe splits them in another way. */
function parallelism(spec: EngineSpec): Record<string, FlagValue> {
  return spec.gpus.length > 0 ? { 'tensor-parallel-size': spec.gpus.length } : {}
}

/** What was asked for goes before what the recipe says. */
function contextFlag(spec: EngineSpec): Record<string, FlagValue> {
  return spec.context === undefined ? {} : { 'max-model-len': spec.context }
}

/** Only the GPUs that were granted, whatever the recipe says. */
function visibleGpus(spec: EngineSpec): Record<string, string> {
  return spec.gpus.length > 0 ? { HIP_VISIBLE_DEVICES: spec.gpus.join(',') } : {}
}
