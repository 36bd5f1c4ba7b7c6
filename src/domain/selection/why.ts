import { gib } from '../memory/sizes.js'
import type { Candidate } from '../plan.js'
import type { Prediction } from '../prediction.js'
import type { Evidence } from './score.js'
import { rate } from './text.js'

const EVIDENCE: Record<Evidence, string> = {
  measured: 'measured on this card',
  outdone: 'measured on this card, at less than half of what published settings promise',
  published: 'settings published for it',
  user: 'your own settings',
  derived: 'settings by our rule',
  untuned: 'settings published as not tuned',
  generic: 'settings for any model',
}

type Placed = Omit<Candidate, 'why' | 'changes'>

/** In one sentence with its figures: on what evidence, where, how fast, and how it fits. */
export function why(placed: Placed, evidence: Evidence): string {
  const parts = [
    EVIDENCE[evidence],
    where(placed),
    speed(placed.prediction),
    memory(placed),
    placed.cached ? 'its weights are on the node' : null,
  ]
  return parts.filter((part) => part !== null).join('; ')
}

function where({ gpus: taken, card, linked }: Placed): string {
  if (card === null) return 'on the processor, without a GPU'
  return `${taken.length} x ${card}${linked === true ? ' in one hive' : linked === false ? ' over several hives' : ''}`
}

function speed(prediction: Prediction | null): string | null {
  if (prediction === null) return null
  const { basis, concurrency, decodeTokensPerSecond, outputTokensPerSecond } = prediction
  const all = concurrency === 1 ? '' : `, ${rate(outputTokensPerSecond)} for ${concurrency} together`
  return `${basis} ${rate(decodeTokensPerSecond)} tokens/s a request${all}`
}

function memory({ fit, weightBytes, context }: Placed): string {
  if (fit === null) return `${gib(weightBytes)} of weights`
  const room = fit.maxConcurrency === 1 ? '1 request' : `${fit.maxConcurrency} requests`
  return `${gib(fit.weightBytes)} of weights and ${gib(Math.max(0, fit.kvBytes))} of KV cache a GPU, for ${room} of ${context} tokens`
}
