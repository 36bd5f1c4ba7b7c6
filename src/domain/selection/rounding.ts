import type { MemoryFit } from '../memory/fit.js'
import type { Cost } from '../plan.js'
import type { Prediction } from '../prediction.js'

/** Figures of a plan keep what a person can use: a prediction to a millionth of a token would only look exact. */
export function round(value: number, digits: number): number {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}

export function roundedParts(parts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(parts).map(([name, points]) => [name, round(points, 2)]))
}

export function roundedPrediction(prediction: Prediction): Prediction {
  const { decodeTokensPerSecond, outputTokensPerSecond, prefillTokensPerSecond, ttftMs, error } = prediction
  return {
    ...prediction,
    decodeTokensPerSecond: round(decodeTokensPerSecond, 1),
    outputTokensPerSecond: round(outputTokensPerSecond, 1),
    prefillTokensPerSecond: round(prefillTokensPerSecond, 0),
    ttftMs: round(ttftMs, 1),
    error: error === null ? null : round(error, 3),
  }
}

export function roundedCost({ currency, perHour, perMillionTokens }: Cost): Cost {
  return { currency, perHour: round(perHour, 4), perMillionTokens: perMillionTokens === null ? null : round(perMillionTokens, 4) }
}

/** Formulas give parts of a byte. */
export function wholeBytes(fit: MemoryFit): MemoryFit {
  const { basis, context, maxContext, maxConcurrency, ...bytes } = fit
  const whole = Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, Math.round(value)])) as typeof bytes
  return { basis, ...whole, context, maxContext, maxConcurrency }
}
