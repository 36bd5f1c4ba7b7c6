import type { Backend, EngineSettings, Parallelism } from './engine.js'
import type { Precision } from './hardware.js'
import type { MemoryFit } from './memory/fit.js'
import type { Prediction } from './prediction.js'
import type { RecipeOrigin, WeightFormat } from './recipe.js'
import type { Requirements } from './requirements.js'

/** In which way a placement differs from the first choice, in the order in which a fallback tries them. */
export const CHANGES = ['node', 'settings', 'fewer GPUs', 'more GPUs', 'precision', 'backend', 'hardware'] as const
export type Change = (typeof CHANGES)[number]

/** Price in the currency of the user's table; null where it has no price of the card. */
export type Cost = { currency: string; perHour: number; perMillionTokens: number | null }

/** A recipe placed on GPUs of a node. `gpus` empty means CPU. */
export type Candidate = {
  recipe: string
  origin: RecipeOrigin
  /** Repository of the weights: the one that was named, or the same model in another precision. */
  model: string
  precision: Precision | null
  backend: Backend
  /** Version of the backend that its flags were written for; null: not checked. */
  version: string | null
  node: string
  /** The node's hardware is a captured inventory. */
  simulated?: true
  gpus: number[]
  /** Name of the card in the hardware table; null means CPU. */
  card: string | null
  /** All GPUs in one XGMI hive; null for fewer than two, or unknown. */
  linked: boolean | null
  parallel: Parallelism
  settings: EngineSettings
  /** Which files of the model it needs: `chooseFiles` names them. */
  format: WeightFormat
  /** The one file to load, for backends that load a file. */
  modelFile?: string
  /** Size of those files in bytes. */
  weightBytes: number
  /** Its weights lie on the node already. */
  cached: boolean
  context?: number
  /** Who set the context: the request, the recipe, or what the plan saw fit. Null: the backend's own default. */
  contextFrom: 'request' | 'recipe' | 'fit' | null
  args: Record<string, string | number | boolean>
  env: Record<string, string>
  command?: string[]
  image?: string
  /** Null on a CPU, or when the shape of the model is not known. */
  fit: MemoryFit | null
  prediction: Prediction | null
  cost: Cost | null
  /** 0 to 100 against the best of this plan, and what it was made of. */
  score: { total: number; parts: Record<string, number> }
  /** In one sentence: why it stands where it stands. */
  why: string
  /** How it differs from the first choice; empty for that one. */
  changes: Change[]
}

/** A placement that would run and gives up something that was asked for. */
export type Fallback = Candidate & { givesUp: string }

/** Why a recipe was not taken: the rule it broke, with the value and the limit. `nodes` names the first few, `count` is how many. */
export type Dropped = { recipe: string; nodes: string[]; count: number; reason: string }

/**
 * All candidates that meet the requirements, in order; after them what would still run, in the order fewer GPUs, another precision, another
 * backend, other hardware; and for each recipe that was dropped the reason. Answers "why this one?".
 */
export type Plan = {
  requirements: Requirements
  /** What nobody said and the plan assumed, in words. */
  assumed: string[]
  candidates: Candidate[]
  fallback: Fallback[]
  dropped: Dropped[]
}
