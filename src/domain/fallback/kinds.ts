import type { Candidate } from '../plan.js'

/** In which way another placement gets around a failure of this one. */
export const KINDS = {
  'other GPUs': (failed, other) => other.node === failed.node && other.gpus.length > 0 && !sharesGpus(failed, other),
  'other node': (failed, other) => other.node !== failed.node,
  'more GPUs': (failed, other) => other.card === failed.card && other.gpus.length > failed.gpus.length,
  'fewer GPUs': (failed, other) => other.gpus.length > 0 && other.gpus.length < failed.gpus.length,
  'shorter context': (failed, other) => (other.context ?? Infinity) < (failed.context ?? Infinity),
  'smaller weights': (failed, other) => other.weightBytes < failed.weightBytes,
  'other precision': (failed, other) => other.precision !== failed.precision || other.model !== failed.model,
  'other weights': (failed, other) =>
    other.model !== failed.model || other.format !== failed.format || other.modelFile !== failed.modelFile,
  'other recipe': (failed, other) => other.recipe !== failed.recipe,
  'other backend': (failed, other) => other.backend !== failed.backend,
  'other hardware': (failed, other) => other.card !== failed.card,
} as const satisfies Record<string, (failed: Candidate, other: Candidate) => boolean>
export type Kind = keyof typeof KINDS

export const isOfKind = (kind: Kind, failed: Candidate, other: Candidate): boolean => KINDS[kind](failed, other)

/** On the processor there are none to share. */
const sharesGpus = (a: Candidate, b: Candidate): boolean => a.gpus.some((gpu) => b.gpus.includes(gpu))
