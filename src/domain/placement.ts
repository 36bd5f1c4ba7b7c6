import type { EngineSpec } from './engine.js'
import { fingerprint } from './fingerprint.js'
import type { Candidate } from './plan.js'

/** The engine that a candidate asks for, once its weights lie in `modelPath`. */
export function engineSpec(candidate: Candidate, servedName: string, modelPath: string, port?: number): EngineSpec {
  const { backend, modelFile, context, gpus, parallel, settings, command, args, env } = candidate
  const needBytes = needOf(candidate)
  return {
    backend,
    servedName,
    modelPath,
    ...(modelFile !== undefined && { modelFile }),
    ...(context !== undefined && { context }),
    ...(port !== undefined && { port }),
    gpus,
    ...(needBytes !== null && { needBytes }),
    parallel,
    settings,
    ...(command !== undefined && { command }),
    args,
    env,
  }
}

/**
 * Bytes on each GPU, never more than the plan looked for. vLLM and SGLang take their share of the whole GPU; the others what weights and one
 * request take. Null: on a processor, or known by the engine's own rule only.
 */
function needOf({ backend, gpus, fit, weightBytes }: Candidate): number | null {
  if (gpus.length === 0) return null
  if (backend === 'vllm' || backend === 'sglang')
    return fit?.budgetBytes ?? (backend === 'vllm' ? null : Math.ceil(weightBytes / gpus.length))
  return fit === null ? Math.ceil(weightBytes / gpus.length) : fit.weightBytes + fit.kvBytesPerSequence
}

/**
 * All that decides what runs and where, as one text: the same spec is not deployed twice. The port is no part of it, nor what a plan thinks of
 * the candidate: a better prediction is no other engine, nor is a context that only follows from what was measured last.
 */
export function specFingerprint(candidate: Candidate, commit: string): string {
  const { recipe, model, precision, backend, node, gpus, parallel, settings, format, modelFile, args, env, command, image } = candidate
  const context = candidate.contextFrom === 'fit' ? 'fit' : candidate.context
  const decisive = {
    recipe,
    model,
    precision,
    backend,
    node,
    gpus,
    parallel,
    settings,
    format,
    modelFile,
    context,
    args,
    env,
    command,
    image,
  }
  return fingerprint({ ...decisive, commit })
}
