import type { Backend } from './engine.js'
import type { Precision } from './hardware.js'
import type { Objective } from './recipe.js'

/** What a deployment must do, as far as somebody said so. What is absent is free, and the plan states what it assumed. */
export type Requirements = {
  objective: Objective
  /** Longest context of one request, tokens. */
  context?: number
  /** Requests of that context at the same time. */
  concurrency?: number
  /** Allowed ones. Absent: the precision of the repository that was named; others are fallbacks. */
  precisions?: Precision[]
  backends?: Backend[]
  /** Names of the hardware table. */
  hardware?: string[]
  gpuCount?: number
  node?: string
  labels?: Record<string, string>
  /** For all GPUs of the candidate together, in the currency of the price table. */
  maxPricePerHour?: number
  recipe?: string
  /** One weights file (GGUF). */
  file?: string
  /** Repositories whose own code may run. */
  remoteCode: string[]
}

/** Price of one GPU for one hour, by card, and its currency. */
export type Prices = { currency: string; perGpuHour: Record<string, number> }
