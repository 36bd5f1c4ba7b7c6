import type { MemoryFit } from './fit.js'
import { gib } from './sizes.js'

/** Why it does not fit, with the value and the limit; null when one sequence of the context fits. */
export function fitProblem(fit: MemoryFit): string | null {
  const { budgetBytes, weightBytes, kvBytes, kvBytesPerSequence, context, maxContext } = fit
  if (kvBytes <= 0) {
    return weightBytes > budgetBytes
      ? `weights of ${gib(weightBytes)} a GPU are more than the ${gib(budgetBytes)} that the engine may take`
      : `weights of ${gib(weightBytes)} a GPU and what runs beside them leave no KV cache of ${gib(budgetBytes)}`
  }
  if (context <= maxContext) return null
  return kvBytesPerSequence > kvBytes
    ? `a context of ${context} tokens needs ${gib(kvBytesPerSequence)} of KV cache a GPU, and ${gib(kvBytes)} are left; ${maxContext} tokens would fit`
    : `a context of ${context} tokens is more than the longest that runs, ${maxContext}`
}
