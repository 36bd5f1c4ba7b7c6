import type { Backend } from './engine.js'
import type { WeightFormat } from './recipe.js'

/** A recipe placed on GPUs of a node. `gpus` empty means CPU. */
export type Candidate = {
  recipe: string
  backend: Backend
  node: string
  gpus: number[]
  /** Which files of the model it needs: `chooseFiles` names them. */
  format: WeightFormat
  /** The one file to load, for backends that load a file. */
  modelFile?: string
  /** Size of those files in bytes. */
  weightBytes: number
  context?: number
  args: Record<string, string | number | boolean>
  env: Record<string, string>
}

/** Why a recipe was not taken: the rule it broke, with the value and the limit. */
export type Dropped = { recipe: string; node: string | null; reason: string }

/** All candidates in order, and for each that was dropped the reason. Answers "why this one?". */
export type Plan = { candidates: Candidate[]; dropped: Dropped[] }
