import type { Candidate } from './plan.js'
import type { EngineSpec } from './engine.js'
import { fingerprint } from './fingerprint.js'

/** The engine that a candidate asks for, once its weights lie in `modelPath`. */
export function engineSpec(candidate: Candidate, servedName: string, modelPath: string, port?: number): EngineSpec {
  const { backend, modelFile, context, gpus, args, env } = candidate
  return {
    backend,
    servedName,
    modelPath,
    ...(modelFile !== undefined && { modelFile }),
    ...(context !== undefined && { context }),
    ...(port !== undefined && { port }),
    gpus,
    args,
    env,
  }
}

/** All that decides what runs and where, as one text: the same spec is not deployed twice. The port is no part of it. */
export function specFingerprint(candidate: Candidate, commit: string): string {
  const { weightBytes: _, ...decisive } = candidate
  return fingerprint({ ...decisive, commit })
}
